"""Where their scripts look for work of several calls."""

from stackroom.workflows import upload_dataset_from_folder, upload_dataset_from_folder_async

__all__ = ["upload_dataset_from_folder", "upload_dataset_from_folder_async"]
