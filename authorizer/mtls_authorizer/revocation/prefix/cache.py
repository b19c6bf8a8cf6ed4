"""The CRLs below prefixes that are in memory: a bounded number of them, and of bytes."""

from __future__ import annotations

from collections import OrderedDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from mtls_authorizer.revocation.prefix.partition import Partition

MAX_PARTITIONS = 256


class PartitionCache:
    """Partitions by their URIs. Those that were used least recently are evicted first."""

    def __init__(self, max_bytes: int, max_partitions: int = MAX_PARTITIONS) -> None:
        self._max_bytes = max_bytes
        self._max_partitions = max_partitions
        self._partitions: OrderedDict[str, Partition] = OrderedDict()

    def __iter__(self) -> Iterator[Partition]:
        """Return all partitions, the one that was used least recently first."""
        return iter(tuple(self._partitions.values()))

    def use(self, uri: str, create: Callable[[], Partition]) -> Partition:
        """Return a partition, a new one if there is none."""
        partition = self._partitions.get(uri)
        if partition is None:
            partition = self._partitions[uri] = create()
        self._partitions.move_to_end(uri)
        return partition

    def evict(self, in_use: Collection[str], must_stay: Callable[[Partition], bool]) -> list[Partition]:
        """Remove partitions until the rest is within the limits, and return them. Some stay in any case."""
        evicted = []
        count = len(self._partitions)
        size = sum(partition.size for partition in self._partitions.values())
        for partition in self:
            if size <= self._max_bytes and count <= self._max_partitions:
                break
            if partition.uri not in in_use and not must_stay(partition):
                del self._partitions[partition.uri]
                evicted.append(partition)
                size, count = size - partition.size, count - 1
        return evicted
