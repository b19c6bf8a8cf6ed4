"""``python -m mtls_authorizer_cli``, which ``mtls-authorizer`` runs."""

from __future__ import annotations

import sys

from mtls_authorizer_cli.main import main

sys.exit(main())
