"""The asynchronous client: the source of both; see tools/generate_sync_client.py."""
