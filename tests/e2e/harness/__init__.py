"""What the end-to-end tests stand on: the server under test, the clients and their accounts."""
