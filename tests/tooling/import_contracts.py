"""A contract for import-linter: no module imports itself, directly or by way of others.

import-linter's own ``acyclic_siblings`` compares packages and modules with the same parent. It accepts a module that
imports the package which contains it and is imported there.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from importlinter import Contract, ContractCheck, output

if TYPE_CHECKING:
    from grimp import ImportGraph


class AcyclicModules(Contract):
    """The imports of all modules, including those in functions and for type checkers, have no cycle."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 -- the interface
        """Find cycles until none is left if one import is removed from each of those found."""
        imports = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
        cycles: list[list[str]] = []
        while True:
            try:
                TopologicalSorter(imports).prepare()
            except CycleError as error:
                imported, importer, *_ = cycle = error.args[1]
                imports[importer].remove(imported)
                cycles.append(cycle)
            else:
                return ContractCheck(kept=not cycles, metadata={"cycles": cycles})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print the cycles."""
        for cycle in check.metadata["cycles"]:
            output.print_error(" is imported by ".join(cycle))
