"""A plugin for coverage that measures lines only where branches take too long."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from coverage import CoveragePlugin

if TYPE_CHECKING:
    from coverage.plugin_support import Plugins
    from coverage.types import TConfigurable


class _LinesOnly(CoveragePlugin):
    def configure(self, config: TConfigurable) -> None:
        config.set_option("run:branch", value=False)
        config.set_option("run:core", value="sysmon")


def coverage_init(plugins: Plugins, _options: object) -> None:
    """Use ``sys.monitoring`` on Python 3.12 and 3.13, which has no branches there: tracing is four times as slow."""
    if (3, 12) <= sys.version_info < (3, 14):
        plugins.add_configurer(_LinesOnly())
