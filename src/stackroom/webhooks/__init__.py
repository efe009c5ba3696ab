"""Webhooks: events on their way to those who want to be told of them."""
