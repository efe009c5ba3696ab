"""Work of several calls, ready to use: a local tree of images into a dataset.

from stackroom.workflows import upload_dataset_from_folder
"""

from .client._async.upload_folder import upload_dataset_from_folder_async
from .client._sync.upload_folder import upload_dataset_from_folder

__all__ = ["upload_dataset_from_folder", "upload_dataset_from_folder_async"]
