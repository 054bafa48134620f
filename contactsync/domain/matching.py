"""Which CRM record a contact is: by link, then by e-mail address in the object that Sync As names (rule 5)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from contactsync.domain.batch import Ready
from contactsync.domain.crm import MOST_FOUND, FoundPerson, Mend, Problem, RecordKind, RecordRef
from contactsync.domain.found_index import FoundIndex
from contactsync.domain.mapping import FieldMapping, WriteMode
from contactsync.domain.policy import Policies, SeveralMatches


@dataclass(frozen=True)
class Match:
    """What a contact is in the CRM: a record, none yet (`person` None), or a question that a person must answer.

    `making`: what a new record would be; None: what Sync As names.
    """

    person: FoundPerson | None = None
    why: tuple[str, ...] = ()
    problem: Problem | None = None
    making: RecordKind | None = None


@dataclass(frozen=True)
class Group:
    """Contacts that are one CRM record and so share one step; newest first."""

    kind: RecordKind
    person: FoundPerson | None
    members: tuple[Ready, ...]


@dataclass(frozen=True)
class _Claims:
    """What the links of this batch say: the records by e-mail address of the contacts that are linked to them, and the
    records whose address this batch takes away.
    """

    by_email: Mapping[tuple[RecordKind, str], Sequence[FoundPerson]]
    released: frozenset[RecordRef]


def match_people(
    batch: Sequence[Ready],
    index: FoundIndex,
    mapping: FieldMapping,
    policies: Policies,
    adopted: Collection[RecordRef] = (),
    taken: Collection[RecordRef] = (),
) -> dict[str, Match]:
    """What each contact of the batch is, by contact id.

        by link      the record, or the Contact that it became when it was a Lead
        by e-mail    a record that a contact of this batch with the same address is linked to; else the CRM's records
                     with this address, chosen by policy; converted Leads only when nothing else is there
        elsewhere    where the org prefers existing records: the same two questions for the other object
        attempted    a record under an address that the contact had when one may have been made for it unheard (I3)
        none         a new one

    A record that a link of this batch claims, and whose address this batch changes, is no match for its old address:
    that address belongs to somebody else now. Those that are `adopted` keep their addresses. `taken`: records that contacts
    are linked to, which nobody else may have made unheard.
    """
    linked = {ready.contact.id: _by_link(ready, ready.kind, index) for ready in batch}
    claims = _claims(batch, linked, mapping, adopted)
    if policies.prefer_existing:
        linked.update(_linked_elsewhere(batch, linked, index, claims, policies))
        claims = _claims(batch, linked, mapping, adopted)
    while True:
        matches = _matches(batch, linked, index, claims, policies, taken)
        staying = claims.released & _keeping_their_address(batch, matches)
        if not staying:
            return matches
        # A contact that has the old address came to the record by another way (a converted Lead): it is a match after all.
        claims = replace(claims, released=claims.released - staying)


def _matches(
    batch: Sequence[Ready],
    linked: Mapping[str, Match],
    index: FoundIndex,
    claims: _Claims,
    policies: Policies,
    taken: Collection[RecordRef],
) -> dict[str, Match]:
    matches: dict[str, Match] = {}
    for ready in batch:
        match = linked[ready.contact.id]
        if match.person is None:
            match = _and_then(match, _by_email(ready, ready.kind, index, claims, policies))
        if match.person is None and match.problem is None and policies.prefer_existing:
            match = _and_then(match, _elsewhere(ready, index, claims, policies))
        matches[ready.contact.id] = match
    if any(ready.attempted for ready in batch):
        matches = _by_attempts(batch, matches, index, claims, policies, taken)
    return _made_once(batch, matches) if policies.prefer_existing else matches


def _by_attempts(
    batch: Sequence[Ready],
    matches: Mapping[str, Match],
    index: FoundIndex,
    claims: _Claims,
    policies: Policies,
    taken: Collection[RecordRef],
) -> dict[str, Match]:
    """Those who would be new, and for whom a record may have been made under an address that they no longer have.

    One record is one contact's, and that of those who share its address now: else the address would have two.
    """
    settled = dict(matches)
    gone = {*taken, *(match.person.ref for match in matches.values() if match.person is not None)}
    made: dict[tuple[RecordKind | None, str | None], FoundPerson] = {}
    for ready in batch:
        if not ready.attempted or not _is_new(settled[ready.contact.id]) or _shared(ready, policies) in made:
            continue
        match = _attempted(ready, index, claims, policies, gone)
        settled[ready.contact.id] = _and_then(settled[ready.contact.id], match)
        if match.person is not None:
            made[_shared(ready, policies)] = match.person
            gone.add(match.person.ref)
    for ready in batch:
        person = made.get(_shared(ready, policies))
        if person is not None and _is_new(settled[ready.contact.id]):
            told = f"Another contact with the same e-mail address is this {person.ref.kind}."
            settled[ready.contact.id] = _and_then(settled[ready.contact.id], Match(person, (told,)))
    return settled


def _attempted(
    ready: Ready, index: FoundIndex, claims: _Claims, policies: Policies, gone: Collection[RecordRef]
) -> Match:
    """The latest attempt goes first."""
    released = claims.released | frozenset(gone)
    for kind in (ready.kind, _other(ready.kind)) if policies.prefer_existing else (ready.kind,):
        for address in reversed(ready.attempted):
            match = _having(address, kind, index, released, policies)
            if match.problem is not None:
                return match
            if match.person is not None and match.person.ref not in gone:
                told = (
                    "An earlier attempt, whose answer was lost, wrote it under the address that the contact had then:"
                    f" this {match.person.ref.kind} is used, no second one is made."
                )
                return Match(match.person, (*match.why, told))
    return Match()


def _shared(ready: Ready, policies: Policies) -> tuple[RecordKind | None, str | None]:
    """What two contacts have in common that would make one record."""
    return None if policies.prefer_existing else ready.kind, ready.contact.email


def _and_then(match: Match, later: Match) -> Match:
    return Match(later.person, (*match.why, *later.why), later.problem)


def _linked_elsewhere(
    batch: Sequence[Ready], linked: Mapping[str, Match], index: FoundIndex, claims: _Claims, policies: Policies
) -> dict[str, Match]:
    """The contacts that the object which Sync As names knows nothing of, and that are linked to a record of the other."""
    elsewhere: dict[str, Match] = {}
    for ready in batch:
        match = linked[ready.contact.id]
        if match.person is not None or not _is_new(_by_email(ready, ready.kind, index, claims, policies)):
            continue
        other = _by_link(ready, _other(ready.kind), index)
        if other.person is not None:
            told = _preferred(other.person, ready)
            elsewhere[ready.contact.id] = Match(other.person, (*match.why, *other.why, told))
    return elsewhere


def _elsewhere(ready: Ready, index: FoundIndex, claims: _Claims, policies: Policies) -> Match:
    """The record of the object that Sync As does not name: it is used rather than a second one made (prefer_existing)."""
    match = _by_email(ready, _other(ready.kind), index, claims, policies)
    if match.person is None:
        return match
    return Match(match.person, (*match.why, _preferred(match.person, ready)))


def _preferred(person: FoundPerson, ready: Ready) -> str:
    return f"The org prefers records that are there already: this {person.ref.kind} is used, no {ready.kind} is made."


def _other(kind: RecordKind) -> RecordKind:
    return RecordKind.CONTACT if kind is RecordKind.LEAD else RecordKind.LEAD


def _made_once(batch: Sequence[Ready], matches: Mapping[str, Match]) -> dict[str, Match]:
    """Where existing records are preferred, new contacts with one address make one record: a Contact if any is to be one."""
    kinds: dict[str | None, set[RecordKind]] = {}
    new = [ready for ready in batch if _is_new(matches[ready.contact.id])]
    for ready in new:
        kinds.setdefault(ready.contact.email, set()).add(ready.kind)
    made = dict(matches)
    for ready in new:
        if len(kinds[ready.contact.email]) > 1:
            told = "Another contact with this e-mail address becomes a Contact: both are one record."
            match = matches[ready.contact.id]
            made[ready.contact.id] = replace(match, why=(*match.why, told), making=RecordKind.CONTACT)
    return made


def _keeping_their_address(batch: Sequence[Ready], matches: Mapping[str, Match]) -> frozenset[RecordRef]:
    """The records that some contact of the batch has the present address of."""
    keeping = set()
    for ready in batch:
        person = matches[ready.contact.id].person
        if person is not None and person.email and person.email.lower() == ready.contact.email:
            keeping.add(person.ref)
    return frozenset(keeping)


def grouped(batch: Sequence[Ready], matches: Mapping[str, Match]) -> list[Group]:
    """The batch by CRM record: contacts that match one record, or would make one with the same address, stand together."""
    members: dict[RecordRef | tuple[RecordKind, str | None], list[Ready]] = {}
    for ready in batch:
        match = matches[ready.contact.id]
        person = match.person
        key = person.ref if person is not None else (match.making or ready.kind, ready.contact.email)
        members.setdefault(key, []).append(ready)
    groups = []
    for together in members.values():
        match = matches[together[0].contact.id]
        person = match.person
        kind = person.ref.kind if person is not None else match.making or together[0].kind
        groups.append(Group(kind, person, newest_first(together)))
    return groups


def newest_first(batch: Sequence[Ready]) -> tuple[Ready, ...]:
    """The same contacts, the last changed first; the id settles ties."""
    return tuple(sorted(batch, key=lambda ready: (ready.contact.changed, ready.contact.id), reverse=True))


def _by_link(ready: Ready, kind: RecordKind, index: FoundIndex) -> Match:
    link = ready.links.people.get(kind)
    if link is None:
        return Match()
    held = index.people.get(link)
    if held is None:
        return Match(why=(f"The {link.kind} that was linked is no longer in the CRM (deleted or merged).",))
    living = index.living(held)
    if living is None:
        return Match(why=("The Lead that was linked has been converted, and its Contact is no longer in the CRM.",))
    if living is not held:
        return Match(living, ("The Lead that was linked has been converted: its Contact is used instead.",))
    return Match(living, (f"Linked to this {held.ref.kind} by an earlier sync.",))


def _claims(
    batch: Sequence[Ready], linked: Mapping[str, Match], mapping: FieldMapping, adopted: Collection[RecordRef]
) -> _Claims:
    by_email: dict[tuple[RecordKind, str], list[FoundPerson]] = {}
    emails: dict[RecordRef, tuple[FoundPerson, set[str]]] = {}
    for ready in batch:
        person = linked[ready.contact.id].person
        email = ready.contact.email
        if person is None or email is None:
            continue
        by_email.setdefault((ready.kind, email), []).append(person)
        emails.setdefault(person.ref, (person, set()))[1].add(email)
    moving = {kind for kind in RecordKind if kind.is_person and _email_follows(mapping, kind)}
    released = frozenset(
        ref
        for ref, (person, now) in emails.items()
        if ref.kind in moving and ref not in adopted and person.email and person.email.lower() not in now
    )
    return _Claims(by_email, released)


def _email_follows(mapping: FieldMapping, kind: RecordKind) -> bool:
    return any(rule.source == "email" and rule.mode is WriteMode.ALWAYS for rule in mapping.of(kind))


def _by_email(ready: Ready, kind: RecordKind, index: FoundIndex, claims: _Claims, policies: Policies) -> Match:
    email = ready.contact.email or ""
    claimed = claims.by_email.get((kind, email))
    if claimed:
        person = min(claimed, key=_age)
        return Match(person, (f"Another contact with the same e-mail address is linked to this {person.ref.kind}.",))
    return _having(email, kind, index, claims.released, policies)


def _having(
    email: str, kind: RecordKind, index: FoundIndex, released: frozenset[RecordRef], policies: Policies
) -> Match:
    """The record that has the address, of those that nobody takes it from (`released`)."""
    having = [person for person in index.people_by_email.get((kind, email), ()) if person.ref not in released]
    open_ones = [person for person in having if not person.converted]
    if open_ones:
        return _chosen(open_ones, f"{kind}", policies)
    if not having:
        return Match(why=(f"No {kind} has this e-mail address.",))
    contacts = {living.ref: living for person in having if (living := index.living(person)) is not None}
    if not contacts:
        return Match(why=("A converted Lead has this e-mail address, but its Contact is no longer in the CRM.",))
    match = _chosen(sorted(contacts.values(), key=_age), "converted Lead", policies)
    return Match(match.person, (*match.why, "A converted Lead is never written: its Contact is used."), match.problem)


def _chosen(candidates: Sequence[FoundPerson], what: str, policies: Policies) -> Match:
    """One of the candidates, which stand oldest first."""
    count = len(candidates)
    if count == 1:
        return Match(candidates[0], (f"Matched by e-mail address: one {what} has it.",))
    having = f"{count} {what}s have this e-mail address"
    match policies.several_matches:
        case SeveralMatches.FIRST:
            return Match(candidates[0], (f"{having}: the oldest was taken.",))
        case SeveralMatches.MOST_RECENT:
            newest = max(candidate.created_at for candidate in candidates)
            person = next(candidate for candidate in candidates if candidate.created_at == newest)
            return Match(person, (f"{having}: the most recent was taken.",))
        case SeveralMatches.STOP:
            problem = Problem(
                code="several_matches",
                cause=f"{having}, and the org wants to be asked which one it is.",
                fix="Merge them in the CRM, or set the policy several_matches to first or most_recent.",
                who="event team",
                object=candidates[0].ref.kind.value,
                mended_by=(Mend.CRM, Mend.POLICY),
                found=tuple(candidate.ref.id for candidate in candidates[:MOST_FOUND]),
            )
            return Match(problem=problem)


def _is_new(match: Match) -> bool:
    return match.person is None and match.problem is None


def _age(person: FoundPerson) -> tuple[str, str]:
    return person.created_at, person.ref.id
