"""Which revocation list replaces which, and which are kept.

``order``: which of two lists is newer. Only lists with the same *identity* are compared: those of one CA, which is a
name and a key, and of one issuing distribution point. So CAs with the same name, and the parts of a partitioned CRL, do
not affect each other. A list is older if its thisUpdate is earlier or its number lower. If a CA restarts its numbers or
puts its clock back, each of two lists is older than the other one. A list of version 1 has no number; of two with equal
numbers and dates, none is older: at one location, the one that was stored last decides. A list *replaces* another one
if it is not older and contains what that one revokes. A delta CRL contains only what delta CRLs since the same complete
CRL, its base, do.

``in_force`` of ``signed_list``: which lists decide at a time. All that are in memory revoke, whatever their
dates. A list is ignored only if a usable one supersedes it: it is newer and in no respect older. It does not matter at
which location each is stored. ``crl.reader`` defines which lists are usable, i.e. prove certificates good.

``retention``: which lists of a location stay in memory after another one was stored there. If one that is usable, or
was until it expired, supersedes the new list, somebody has rolled it back: it is rejected. Otherwise, it replaces what
it can, but one that is not usable replaces no usable one, which may prove certificates good until it expires, and one
whose time has not come replaces none whose time has, even if that has expired: what that one revokes stays revoked at
least until then. Lists of other CAs and scopes stay, because an object that was stored at a wrong place must not undo a
revocation, and those of CAs that have left the truststore, which may return. So does the last delta CRL with another
base, until the complete CRL is loaded; those before it are dropped. If each of two lists is older, the one with the
earlier thisUpdate is *rolled back*, and only revokes: it may be one from before the restart.

``dropped``: what follows from lists that are no longer in memory. It is bounded: a location has at most four lists, and
CRLs below prefixes are evicted, or removed and superseded. Their numbers and dates are remembered, and older lists
prove nothing good: a client whom the dropped list revokes is unknown. There is one exception, so that clients of a CA
that has restarted its numbers are not denied forever: after the dropped list has expired, its number does not matter
for those issued later.

A new execution environment has seen no earlier lists. For it, the stored CRL is current, or its index, if that was made
from a newer CRL.

The indexer and the fetcher have one object for one list. So they replace it only by a list with the same identity that
is older in no respect (``order.check_succession``). After it has expired, one with another identity, or one that was
issued later with a lower number, replaces it, too. The fetcher never replaces a complete CRL by a delta CRL.
"""
