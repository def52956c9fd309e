"""AzCopy as a process, with its logs and job plans in a directory of its own."""

import json
import os
import re
import subprocess
from pathlib import Path

from . import paths


class JobResult:
    """How a finished AzCopy command ended, and what its log says."""

    def __init__(self, completed, log_directory):
        self.returncode = completed.returncode
        self.output = completed.stdout
        self.log_directory = log_directory
        self.summary = {}
        for line in self.output.splitlines():
            message = _parse(line)
            if message.get("MessageType") == "EndOfJob":
                self.summary = _parse(message["MessageContent"])

    @property
    def job_id(self):
        return self.summary["JobID"]

    def check(self, transferred=None, skipped=None, deleted=None):
        assert self.returncode == 0, self.explain()
        status = "CompletedWithSkipped" if skipped else "Completed"
        assert self.summary.get("JobStatus", status) == status, self.explain()
        assert int(self.summary.get("TransfersFailed", 0)) == 0, self.explain()
        if transferred is not None:
            assert int(self.summary["TransfersCompleted"]) == transferred, self.explain()
        if skipped is not None:
            assert int(self.summary["TransfersSkipped"]) == skipped, self.explain()
        if deleted is not None:
            # A sync says "DeleteTransfersCompleted", older versions count deletions apart.
            assert int(self.summary.get("DeleteTransfersCompleted", 0)) == deleted, self.explain()
        return self

    def log(self):
        """The job's log and its scanning log."""
        return "\n".join(p.read_text(errors="replace") for p in sorted(self.log_directory.glob("*.log")))

    def explain(self):
        return f"exit {self.returncode}\n{self.output[-3000:]}\n--- log\n{self.log()[-4000:]}"

    def assert_clean_log(self):
        """No retry, no 503 and no time-out happened: what a healthy server at default concurrency owes."""
        log = self.log()
        assert log, "AzCopy wrote no log"
        retries = [line for line in log.splitlines() if re.search(r"Try=([2-9]|\d\d)", line)]
        assert not retries, f"{len(retries)} retries, first: {retries[0]}"
        busy = [line for line in log.splitlines() if re.search(r"RESPONSE Status: 5\d\d", line)]
        assert not busy, f"{len(busy)} answers of 5xx, first: {busy[0]}"
        assert float(self.summary.get("ServerBusyPercentage", 0)) == 0, self.summary
        return self


class AzCopy:
    def __init__(self, directory):
        self.directory = Path(directory)
        self.runs = 0
        self.plans = self.directory / "plans"
        self.plans.mkdir(parents=True, exist_ok=True)

    def environment(self, logs, **extra):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("AZCOPY_")}
        return {
            **kept,
            "HOME": str(self.directory),
            "AZCOPY_LOG_LOCATION": str(logs),
            "AZCOPY_JOB_PLAN_LOCATION": str(self.plans),
            "AZCOPY_DISABLE_SYSLOG": "true",
            "AZCOPY_AUTO_LOGIN_TYPE": "",
            **extra,
        }

    def command(self, arguments):
        return [str(paths.AZCOPY), *map(str, arguments), "--output-type=json", "--skip-version-check"]

    def logs(self):
        self.runs += 1
        logs = self.directory / f"logs-{self.runs}"
        logs.mkdir()
        return logs

    def run(self, *arguments, timeout=600, stdin=subprocess.DEVNULL, **environment):
        logs = self.logs()
        completed = subprocess.run(
            self.command(arguments), stdin=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False,
            env=self.environment(logs, **environment),
        )  # fmt: skip
        return JobResult(completed, logs)

    def start(self, *arguments, **environment):
        """The same in the background; finish with `wait`."""
        logs = self.logs()
        process = subprocess.Popen(
            self.command(arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, env=self.environment(logs, **environment),
        )  # fmt: skip
        process.log_directory = logs
        return process

    @staticmethod
    def wait(process, timeout=600):
        output, _ = process.communicate(timeout=timeout)
        completed = subprocess.CompletedProcess(process.args, process.returncode, output)
        return JobResult(completed, process.log_directory)

    def list(self, url):
        """{name: size} as `azcopy list` shows it."""
        result = self.run("list", url, "--machine-readable", "--location=blob")
        assert result.returncode == 0, result.explain()
        listing = {}
        for line in result.output.splitlines():
            message = _parse(line)
            if message.get("MessageType") == "ListObject":
                entry = json.loads(message["MessageContent"])
                listing[entry["Path"]] = int(entry["ContentLength"])
        return listing


def _parse(line):
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
