"""The error of a CRL that is not fetched."""


class DownloadError(Exception):
    """A CRL cannot be downloaded. The message is the cause in fixed words: it contains nothing of the response."""
