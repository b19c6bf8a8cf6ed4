"""Certificates of many shapes, each with the object that Node creates from it.

``certificates/NAME.pem`` is a certificate and ``NAME.json`` Node's object, in which a Buffer is
``{"type": "Buffer", "hex": "..."}``; it is null where Node refuses the certificate. ``make golden`` makes the
certificates that aren't there yet, and asks Node about all of them.
"""
