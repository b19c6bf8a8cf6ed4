"""Python and processors that this machine does not have: CPython from Debian, and arm64 under QEMU.

Everything is unpacked into a folder. Nothing is installed, and root is not needed.
"""
