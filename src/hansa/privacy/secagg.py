"""A sum that shows nobody a part of it (Bonawitz et al. 2017, section 6): both halves on this page, message by message.

    M0 Invite     who is in the sum, and the digest of what each is asked
    M1 Advert     fresh public keys and commitments, signed by the party's identity
    M2 letters    for each other party, sealed: shares of the own mask's seed and of the pair masks' secret key
    M3 masked     the vector, plus the own mask, plus or minus a mask for each other party
    M4 signature  of the survivors whose vectors came, decided once and for ever
    M5 Reveal     for a survivor the share of its own mask, for one that was lost the share of its pair masks' key

What leaves a party stands in `hear`, which is pure: a state and a message make a state and a word. A message out of its
turn, or with anything wrong in it, ends the party's part in this sum, and its secrets are gone. Whoever carries the
messages is not trusted: a survivors' list counts only with `threshold` signatures, and since 2 t > n + colluders no two
lists can have them. So nobody learns both kinds of share of a party, which together would unmask it.

Example:
    >>> import numpy as np
    >>> from hansa.privacy.primitives import REAL, made_for
    >>> names, about = ("a", "b", "c"), bytes(32)
    >>> tools = {name: Tools(REAL, one) for name, one in made_for(names).items()}
    >>> halves = {name: Client(name) for name in names}
    >>> def say(name, message):
    ...     halves[name], word = hear(halves[name], message, tools[name])
    ...     return word
    >>> adverts = {name: say(name, Invite(Terms("4f2a", 0, names, about, b""))) for name in names}
    >>> mail = {name: say(name, Adverts(adverts)) for name in names}
    >>> mine = {name: {of: mail[of][name] for of in names if of != name} for name in names}
    >>> pads = {name: say(name, Letters(mine[name], about)) for name in names}
    >>> total, masker = np.full(2, 5, np.uint64), Masker(REAL)
    >>> for key in (key for one in pads.values() for key in one.plus):
    ...     masker.add(total, key)
    >>> for key in (key for one in pads.values() for key in one.minus):
    ...     masker.subtract(total, key)
    >>> signed = {name: say(name, Survivors(names)) for name in names}
    >>> reveals = {name: say(name, Signed(signed)) for name in names}
    >>> unmask(total, Announced(names, 3, names), adverts, names, reveals, REAL)
    >>> total.tolist()
    [5, 5]
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING, Final

from hansa.core.message import Refusal
from hansa.errors import HansaError, IdentityError, PartyFailed, PolicyRefusal, PrivacyError, TooFewParties
from hansa.privacy.masks import TAG, Keys, Masker
from hansa.privacy.sharing import SHARE, commitment, deal, join
from hansa.privacy.sum_words import (
    Advert,
    Adverts,
    Announced,
    Client,
    Invite,
    Kind,
    Letters,
    Message,
    Pads,
    Peer,
    Phase,
    Reveal,
    Shares,
    Signed,
    Survivors,
    Terms,
    Tools,
    Word,
    digest_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    import numpy as np
    from numpy.typing import NDArray

    from hansa.core.party import Identity
    from hansa.privacy.masks import Crypto

SIGN_KEYS: Final = f"{TAG}/keys".encode()
"""The tag under which a party signs its keys of one sum."""
SIGN_SURVIVORS: Final = f"{TAG}/survivors".encode()
"""The tag under which a party signs whose vectors came."""

_COHORTS: Final = 256


def hear(client: Client, said: Message, tools: Tools) -> tuple[Client, Word | Refusal]:
    """The party's half: what it says to a message, and its state from now on.

    Example:
        >>> from hansa.privacy.primitives import REAL, made_for
        >>> made = made_for("abc")
        >>> terms = Terms("4f2a", 0, ("a", "b", "c"), bytes(32), b"")
        >>> after, advert = hear(Client("a"), Invite(terms), Tools(REAL, made["a"]))
        >>> after.phase, advert.party, hear(after, Signed({}), Tools(REAL, made["a"]))[1].what
        ('keyed', 'a', 'A message of a secure sum came out of its turn.')
    """
    try:
        if isinstance(said, Invite):
            return _keys(client, said, tools)
        if isinstance(said, Adverts):
            return _shares(client, said, tools)
        if isinstance(said, Letters):
            return _pads(client, said, tools)
        if isinstance(said, Survivors):
            return _signature(client, said, tools)
        return _reveal(client, said, tools)
    except HansaError as error:
        return client.over(), Refusal(error.what, error.why, error.mend)


def _keys(client: Client, said: Invite, tools: Tools) -> tuple[Client, Advert]:
    """M0 to M1: draw keys that were never used, and commit to the shares; a sum that was under way is over."""
    client, terms, draw = client.over(), said.terms, tools.crypto.random
    _require(client.party in terms.names, "A secure sum does not name this party.")
    for name in terms.names:
        tools.identity.key(name)  # everybody's is pinned here, or it is nobody whom this party has approved
    among = tuple(sorted(terms.names)) if said.same else client.among
    if client.among not in {(), among}:
        raise PolicyRefusal(
            "A secure sum is of other parties than the job's sums before it.",
            "Whoever chooses who is in which sum could subtract them, and no party would see all of them.",
            "Ask all parties of the job, or let it sample them or have a quorum.",
        )
    enc, mask, seed = draw(32), draw(32), draw(32)
    dealt = tuple(deal(secret, len(terms.names), terms.threshold, draw) for secret in (seed, mask))
    own, pair = (
        tuple(commitment(kind, client.party, place, share) for place, share in enumerate(shares))
        for kind, shares in zip(("own", "pair"), dealt, strict=True)
    )
    public = (tools.crypto.public(enc), tools.crypto.public(mask))
    advert = Advert(client.party, client.number + 1, terms.digest, *public, sha256(seed).digest(), own, pair)
    advert = replace(advert, signature=tools.identity.sign(SIGN_KEYS, advert.digest))
    after = replace(client, number=advert.number, phase="keyed", terms=terms, secrets=(enc, mask, seed), dealt=dealt)
    return replace(after, advert=advert.digest, among=among), advert


def _shares(client: Client, said: Adverts, tools: Tools) -> tuple[Client, Shares]:
    """M1 to M2: check everybody's keys against the pinned identities, and seal a letter for each."""
    terms = _turn(client, "keyed")
    adverts = [said.adverts[name] for name in terms.names if name in said.adverts]
    _enough(terms, said.adverts.keys(), terms.names)
    public = [key for advert in adverts for key in (advert.enc, advert.mask)]
    _require(len(set(public)) == len(public), "A public key of a secure sum stands there twice.")
    mine = said.adverts.get(client.party)
    _require(mine is not None and mine.digest == client.advert, f"{client.party}'s own keys were changed or left out.")
    for name, advert in said.adverts.items():
        _require(advert.party == name and advert.terms == terms.digest, f"{name} is in a sum of other terms.")
        tools.identity.check(name, SIGN_KEYS, advert.digest, advert.signature)
        whole = len(advert.own) == len(advert.pair) == len(terms.names)
        _require(whole, f"{name} has not committed to a share for everybody.")
        fresh = name == client.party or advert.number > client.seen.get(name, 0)
        _require(fresh, f"An old advert of {name} was played back.")
    keys = Keys(tools.crypto, terms.digest, transcript_of(terms.digest, adverts))
    place = terms.names.index(client.party)
    peers = {one.party: Peer(one.enc, one.mask, one.own[place], one.pair[place]) for one in adverts}
    letters: dict[str, bytes] = {}
    for name in peers.keys() - {client.party}:
        key, about = keys.enc(client.secrets[0], peers[name].enc, client.party, name)
        theirs = terms.names.index(name)
        letters[name] = tools.crypto.seal(key, b"".join(shares[theirs] for shares in client.dealt), about)
    held = {client.party: tuple(shares[place] for shares in client.dealt)}
    seen = {**client.seen, **{one.party: one.number for one in adverts}}
    after = replace(client, phase="shared", transcript=keys.transcript, peers=peers, held=held, dealt=(), seen=seen)
    return after, letters


def _pads(client: Client, said: Letters, tools: Tools) -> tuple[Client, Pads]:
    """M2 to M3: open the letters; the masks are against everybody whose letter came."""
    terms = _turn(client, "shared")
    _require(said.about == terms.about, "Something else is asked than what the secure sum was agreed for.")
    others = [name for name in terms.names if name in said.letters]
    _require(client.party not in said.letters, "A letter claims to come from its own receiver.")
    _enough(terms, {*said.letters, client.party}, tuple(client.peers))
    keys = Keys(tools.crypto, terms.digest, client.transcript)
    held, plus, minus = dict(client.held), [keys.own(client.secrets[2], client.party)], list[bytes]()
    place = terms.names.index(client.party)
    for name in others:
        peer = client.peers[name]
        key, about = keys.enc(client.secrets[0], peer.enc, name, client.party)
        letter = tools.crypto.open(key, said.letters[name], about)
        shares = (letter[:SHARE], letter[SHARE:])
        found = tuple(commitment(kind, name, place, one) for kind, one in zip(("own", "pair"), shares, strict=True))
        _require(found == (peer.own, peer.pair), f"{name} sent other shares than it has committed to.")
        held[name] = shares
        before = terms.names.index(name) < place
        (plus if before else minus).append(keys.mask(client.secrets[1], peer.mask, client.party, name))
    return replace(client, phase="masked", held=held, secrets=()), Pads(tuple(plus), tuple(minus))


def _signature(client: Client, said: Survivors, tools: Tools) -> tuple[Client, bytes]:
    """M4: sign the survivors, once; there is no second list in this sum."""
    terms = _turn(client, "masked")
    names = said.names
    _require(len(set(names)) == len(names), "A party stands twice among the survivors.")
    _require(client.party in names, f"{client.party} is told that it was lost, and it was not.")
    _enough(terms, names, tuple(client.held))
    if said.whole and len(names) < len(terms.names):
        raise PolicyRefusal(
            "A secure sum lacks a party, and the job's sums wait for all.",
            "The difference to a sum with it would show its numbers.",
            "Bring it back and run on, or let all agree to a job with a quorum.",
        )
    if len(names) < said.fewest:
        raise PolicyRefusal(
            f"A secure sum has {len(names)} parties left, and the job's links need {said.fewest}.",
            "Noise in shares of fewer would be less than is claimed.",
            "Bring the others back and run on, or agree to a job whose noise is of fewer parties.",
        )
    names = tuple(name for name in terms.names if name in names)
    forgets = len(client.cohorts) >= _COHORTS
    if said.steady and (forgets or not apart((*client.cohorts, names), terms.least)):
        raise PolicyRefusal(
            f"The parties of a secure sum differ by fewer than {terms.least} from those of earlier sums.",
            f"The difference of such sums would show numbers of fewer than {terms.least} parties.",
            "Bring the same parties, or add noise and let the cohort change.",
        )
    cohorts = client.cohorts if names in client.cohorts else (*client.cohorts, names)[-_COHORTS:]
    after = replace(client, phase="agreed", survivors=names, cohorts=cohorts)
    return after, tools.identity.sign(SIGN_SURVIVORS, _survivors(after, terms))


def apart(cohorts: Sequence[Sequence[str]], least: int) -> bool:
    """Whether sums over these lists, added and subtracted in any way, tell of no fewer parties than `least`.

    Parties that are in the very same sums stand in such a result together or not at all; so they must not be fewer.

    Example:
        >>> apart(("abcdef", "abc"), 3), apart(("abcdef", "abcd"), 3), apart(("abcdefghi", "abcdef", "defghi"), 3)
        (True, False, True)
    """
    together = Counter(tuple(name in cohort for cohort in cohorts) for name in {*chain.from_iterable(cohorts)})
    return all(size >= least for size in together.values())


def _reveal(client: Client, said: Signed, tools: Tools) -> tuple[Client, Reveal]:
    """M5: with enough signatures of the very same list, one kind of share for each; then all secrets are erased."""
    terms = _turn(client, "agreed")
    digest = _survivors(client, terms)
    agreed = [name for name in client.survivors if _signs(said, name, digest, tools.identity)]
    if len(agreed) < terms.threshold:
        raise PolicyRefusal(
            f"{len(agreed)} parties have signed the same survivors, and {terms.threshold} are needed.",
            "Others may have been shown another list, or have put in vectors of another form.",
        )
    own = {name: client.held[name][0] for name in client.survivors}
    pair = {name: shares[1] for name, shares in client.held.items() if name not in own}
    return client.over(), Reveal(own, pair)


def _turn(client: Client, phase: Phase) -> Terms:
    if client.phase != phase or client.terms is None:
        raise PolicyRefusal("A message of a secure sum came out of its turn.", "It is over for this party.")
    return client.terms


def _enough(terms: Terms, names: Sequence[str] | AbstractSet[str], known: Sequence[str]) -> None:
    """Those named are known, and neither fewer than the threshold nor than hide one another."""
    _require(set(names) <= set(known), "Somebody unknown is in a secure sum.")
    least = max(terms.threshold, terms.least)
    _require(len(names) >= least, f"A secure sum of {len(terms.names)} needs {least} parties, and has {len(names)}.")


def _require(ok: bool, needs: str) -> None:  # noqa: FBT001 - the check itself reads first
    if not ok:
        raise PolicyRefusal(needs, "Whoever carries the messages, or a party, does not keep to the protocol.")


def _signs(said: Signed, name: str, digest: bytes, identity: Identity) -> bool:
    try:
        identity.check(name, SIGN_SURVIVORS, digest, said.signatures.get(name, b""))
    except IdentityError:
        return False
    return True


def _survivors(client: Client, terms: Terms) -> bytes:
    """What is signed: the terms, everybody's keys, the vectors' form, whose letters came, and who survived."""
    sent, here = (tuple(name.encode() for name in names) for names in (sorted(client.held), client.survivors))
    about = (terms.digest, client.transcript, client.form)
    return digest_of("survivors", *about, str(len(sent)).encode(), *sent, *here)


def transcript_of(terms: bytes, adverts: Sequence[Advert]) -> bytes:
    """SHA-256 over the terms and everybody's keys, in the order of names: the salt of all masks.

    Example:
        >>> len(transcript_of(bytes(32), ()))
        32
    """
    return digest_of("transcript", terms, *(advert.digest for advert in adverts))


def unmask(
    total: NDArray[np.uint64],
    terms: Announced,
    adverts: Mapping[str, Advert],
    sent: Sequence[str],
    reveals: Mapping[str, Reveal],
    crypto: Crypto,
) -> None:
    """The coordinator's half of M5: take the masks off the survivors' summed vectors `[k]`, in place.

    `sent`: those whose letters went out, so that masks against them are in the vectors.

    Raises:
        TooFewParties: fewer survivors than the threshold, or fewer shares of a secret; names whose are missing.
        PartyFailed: shares that make no secret; names the party that dealt them.
    """
    if len(terms.survivors) < terms.threshold:
        raise TooFewParties(
            f"A secure sum of {len(terms.names)} parties needs {terms.threshold}, and {len(terms.survivors)} came."
        )
    order = [name for name in terms.names if name in adverts]
    keys = Keys(crypto, adverts[order[0]].terms, transcript_of(adverts[order[0]].terms, [adverts[n] for n in order]))
    masker, place = Masker(crypto), {name: at for at, name in enumerate(terms.names)}
    for name in terms.survivors:
        masker.subtract(total, keys.own(_joined("own", name, terms, adverts[name], reveals, crypto), name))
    for lost in (name for name in sent if name not in terms.survivors):
        secret = _joined("pair", lost, terms, adverts[lost], reveals, crypto)
        for name in terms.survivors:
            key = keys.mask(secret, adverts[name].mask, lost, name)
            (masker.subtract if place[lost] < place[name] else masker.add)(total, key)


def _joined(
    kind: Kind, dealer: str, terms: Announced, advert: Advert, reveals: Mapping[str, Reveal], crypto: Crypto
) -> bytes:
    """A secret from the shares that keep to the dealer's commitments; others are of no use, and their givers named."""
    shares: dict[int, bytes] = {}
    wrong: list[str] = []
    for holder, reveal in reveals.items():
        share = (reveal.own if kind == "own" else reveal.pair).get(dealer)
        if share is not None:
            place = terms.names.index(holder)
            promised = (advert.own if kind == "own" else advert.pair)[place]
            if commitment(kind, dealer, place, share) == promised:
                shares[place] = share
            else:
                wrong.append(holder)
    if len(shares) < terms.threshold:
        missing = ", ".join(name for at, name in enumerate(terms.names) if at not in shares and name not in wrong)
        false = f" False shares from: {', '.join(wrong)}." if wrong else ""
        raise TooFewParties(
            f"A secure sum was not opened: {len(shares)} of {terms.threshold} parties gave their shares.",
            f"Missing: {missing or 'none'}.{false}",
            "Bring them back and run on: nothing of the sum is known to anybody.",
        )
    try:
        secret = join(shares, terms.threshold)
    except PrivacyError:
        secret = b""
    if not secret or (
        sha256(secret).digest() != advert.seed if kind == "own" else crypto.public(secret) != advert.mask
    ):
        raise PartyFailed(
            "Its shares make another secret than the one that it has committed to.",
            "The sum cannot be opened, and nothing of it is known to anybody.",
            "Look at that party's node, or run without it.",
            party=dealer,
            place="a secure sum",
            ask="Adverts",
        )
    return secret
