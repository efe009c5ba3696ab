"""The Mindia face: images, videos, audio and documents, under `/api/v0`."""
