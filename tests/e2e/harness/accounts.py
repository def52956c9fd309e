"""Accounts and the shared access signatures that tests hand to clients."""

import base64
import datetime
import hashlib
from dataclasses import dataclass

from azure.storage.blob import (
    AccountSasPermissions,
    ContainerSasPermissions,
    ResourceTypes,
    generate_account_sas,
    generate_container_sas,
)


@dataclass(frozen=True)
class Account:
    name: str
    key: str
    second_key: str | None = None
    settings: tuple[str, ...] = ()  # Lines of the account's table in the configuration.

    def account_sas(self, permissions="rwdlacuptfx", services="b", hours=4, **kwargs):
        """An account SAS for all resource types; `permissions` in Azure's letters."""
        del services  # The blob service is the only one there is.
        return generate_account_sas(
            account_name=self.name,
            account_key=self.key,
            resource_types=ResourceTypes(service=True, container=True, object=True),
            permission=AccountSasPermissions.from_string(permissions),
            expiry=_from_now(hours),
            start=_from_now(-1),
            **kwargs,
        )

    def container_sas(self, container, permissions="racwdltfx", hours=4, **kwargs):
        return generate_container_sas(
            account_name=self.name,
            container_name=container,
            account_key=self.key,
            permission=ContainerSasPermissions.from_string(permissions) if permissions else None,
            expiry=_from_now(hours) if hours is not None else None,
            **kwargs,
        )


def _from_now(hours):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)


def make_key(seed):
    """A key of the right shape that is the same in every run."""
    return base64.b64encode(hashlib.sha512(seed.encode()).digest()).decode()


# Public knowledge: every Azure storage emulator has this account and this key.
DEVELOPMENT = Account(
    "devstoreaccount1",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
)
SECOND = Account("seaside", make_key("seaside"))
# Hierarchical, and there without configuration, beside the other one.
LAKE = Account("devlakeaccount1", DEVELOPMENT.key, settings=("hierarchical = true",))
