"""The error of a CRL that is not fetched."""


class DownloadError(Exception):
    """A CRL cannot be downloaded. The message is the cause in fixed words.

    Of the response, it contains only the status, the length, and the host that a redirect leads to.
    """
