"""Origins: where originals are fetched from, and how that is done without harm.

fetching  `Origins`, the one face of all this: from an origin to an arrival
outcomes  what comes of it: `Fetched`, or one of two refusals, `Retry` and `Fail`
web       http and https
folders   files of this machine, and the map of what is taken from there instead of the web
objects   S3
sink      bytes on their way into an arrival, whichever way they come
"""

from stackroom.ingest.origins.fetching import Origins
from stackroom.ingest.origins.outcomes import Fail, Fetched, Retry, shown

__all__ = ["Fail", "Fetched", "Origins", "Retry", "shown"]
