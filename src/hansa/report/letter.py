"""The letter to somebody who was declined: the reasons in the lender's words, as a page to print and as plain text.

Nothing of the applicant stands in it but what the lender fills in: no score, no points, no value of a column. Whatever
was not filled in shows as a blank in brackets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import wrap
from typing import Final, Literal, TypeAlias, final

from hansa.errors import ConfigError
from hansa.report.svg import safe

Law: TypeAlias = Literal["us", "eu", "none"]

MOST: Final = 4
_WIDTH: Final = 78

_META: Final = (
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
)
_STYLE: Final = """
@page{margin:25mm 22mm}
*{box-sizing:border-box}
body{margin:0;background:#f1efe8;color:#1c2430;font:16px/1.6 "Iowan Old Style","Palatino Linotype",Palatino,Georgia,
"Songti SC","Noto Serif CJK SC",serif}
main{max-width:760px;margin:40px auto;padding:72px 84px;background:#fff;border:1px solid #dcd8cc}
.lender{margin:0 0 44px;padding-bottom:14px;border-bottom:2px solid #1c2430}
.lender b{display:block;font-size:1.35rem}
.lender,.notice{overflow-wrap:anywhere}
.to{margin:0 0 36px}
.about{display:flex;flex-wrap:wrap;justify-content:space-between;gap:4px 32px;margin:0 0 28px}
h1{font-size:1.15rem;line-height:1.4;margin:0 0 1em}
p,ol{margin:0 0 1.1em}
ol{padding-left:1.6em}
li{margin:.35em 0;font-weight:600;overflow-wrap:anywhere}
.notice{margin-top:44px;padding-top:14px;border-top:1px solid #dcd8cc;color:#3f4854;font-size:.86rem;line-height:1.5}
.notice p{margin:0 0 .7em}
@media (max-width:640px){main{margin:0;padding:32px 20px;border:0}}
@media print{body{background:#fff;font-size:11pt} main{max-width:none;margin:0;padding:0;border:0}
li,.notice{break-inside:avoid}}
"""

_OPENING: Final = (
    "Thank you for your application. We have considered it with care, and we regret that we cannot approve it. "
    "The principal {reason} for our decision {verb}:"
)
_METHOD: Final = (
    "We assess applications with a scorecard, which gives points for what an application and our records say. The "
    "points are added up, and the sum was below what we approve. The {reason} above {verb} what cost you the most."
)
_ECOA: Final = (
    "Notice: The federal Equal Credit Opportunity Act prohibits creditors from discriminating against credit "
    "applicants on the basis of race, color, religion, national origin, sex, marital status, age (provided the "
    "applicant has the capacity to enter into a binding contract); because all or part of the applicant's income "
    "derives from any public assistance program; or because the applicant has in good faith exercised any right "
    "under the Consumer Credit Protection Act. The federal agency that administers compliance with this law "
    "concerning this creditor is {agency}."
)  # the words of 12 CFR 1002.9(b)(1)
_RIGHTS: Final = (
    "Your rights: the decision involved automated processing of personal data. You may ask us for a clear "
    "explanation of how it came about, put your own view, and ask for a person to assess your application and to "
    "review the decision (Directive (EU) 2023/2225, article 18; Regulation (EU) 2016/679, article 22)."
)
_NOTICES: Final[Mapping[Law, tuple[str, ...]]] = {
    "us": (_ECOA,),
    "eu": (_RIGHTS, "You may complain to {agency}."),
    "none": (),
}


@final
@dataclass(frozen=True)
class Letter:
    """A letter of decline: who writes to whom, and up to four `reasons` in words, the heaviest first.

    `law`: whose notice stands below; `agency`: the authority that it names, with its address. Addresses have a line for
    each entry.

    Raises:
        ConfigError: no lender, no reasons, more than four, one that is empty or twice there, or a notice without its
            agency.

    Example:
        >>> letter = Letter("First Bank", ("Length of credit history",), law="none", date="21 November 2026")
        >>> print(letter.text()[:76])
        First Bank
        <BLANKLINE>
        [name of the applicant]
        <BLANKLINE>
        21 November 2026
        Application [number]
    """

    lender: str
    reasons: tuple[str, ...]
    law: Law = "us"
    agency: str = ""
    lender_address: tuple[str, ...] = ()
    applicant: str = "[name of the applicant]"
    address: tuple[str, ...] = ()
    date: str = "[date]"
    application: str = "[number]"
    contact: str = ""

    def __post_init__(self) -> None:
        """Check what a letter must not lack."""
        if not self.lender.strip():
            raise ConfigError("A letter needs the lender's name.")
        clean = [one.strip() for one in self.reasons]
        if not 1 <= len(clean) <= MOST or "" in clean or len({*clean}) < len(clean):
            raise ConfigError(
                f"A letter gives 1 to {MOST} reasons, each in words and once.",
                f"Got {len(clean)}, of which {len({*clean} - {''})} differ and are in words.",
                "Give each characteristic words of its own.",
            )
        if self.law != "none" and not self.agency.strip():
            raise ConfigError(
                "The notice names the authority that supervises the lender.",
                "There is none.",
                "Set agency to its name and address, or law to 'none'.",
            )

    @property
    def body(self) -> tuple[str, ...]:
        """The paragraphs before and after the reasons."""
        after = _METHOD.format(**self._number)
        return (
            _OPENING.format(**self._number),
            after,
            *([f"Please write or call us: {self.contact}"] * bool(self.contact)),
        )

    @property
    def notice(self) -> tuple[str, ...]:
        """The paragraphs that the law asks for."""
        return tuple(one.format(agency=self.agency.rstrip(". ")) for one in _NOTICES[self.law])

    def html(self) -> str:
        """One self-contained page; it loads nothing and prints on plain paper.

        Example:
            >>> "A &lt;b&gt; bank" in Letter("A <b> bank", ("Late payments",), law="none").html()
            True
        """
        first, *rest = self.body
        reasons = "".join(f"<li>{safe(one)}</li>" for one in self.reasons)
        parts = [
            f'<p class="lender"><b>{safe(self.lender)}</b>{_lines(self.lender_address)}</p>',
            f'<p class="to">{_lines((self.applicant, *self.address))}</p>',
            f'<p class="about"><span>{safe(self.date)}</span><span>Application {safe(self.application)}</span></p>',
            "<h1>Your application for credit</h1>",
            f"<p>{safe(first)}</p><ol>{reasons}</ol>",
            *(f"<p>{safe(one)}</p>" for one in rest),
            f"<p>Yours sincerely,<br>{safe(self.lender)}</p>",
        ]
        if self.notice:
            parts.append('<div class="notice">' + "".join(f"<p>{safe(one)}</p>" for one in self.notice) + "</div>")
        head = f"<head>{_META}<title>Your application for credit</title><style>{_STYLE}</style></head>"
        return (
            f'<!doctype html>\n<html lang="en">\n{head}\n<body><main>\n'
            + "\n".join(parts)
            + "\n</main></body>\n</html>\n"
        )

    def text(self) -> str:
        """The same as plain text; lines of at most 78 letters."""
        first, *rest = self.body
        blocks = [
            "\n".join((self.lender, *self.lender_address)),
            "\n".join((self.applicant, *self.address)),
            f"{self.date}\nApplication {self.application}",
            _wrapped(first),
            "\n".join(_wrapped(one, f"  {i}. ") for i, one in enumerate(self.reasons, 1)),
            *map(_wrapped, rest),
            f"Yours sincerely,\n{self.lender}",
            *map(_wrapped, self.notice),
        ]
        return "\n\n".join(blocks) + "\n"

    @property
    def _number(self) -> dict[str, str]:
        one = len(self.reasons) == 1
        return {"reason": "reason" if one else "reasons", "verb": "is" if one else "are"}


def _lines(lines: tuple[str, ...]) -> str:
    return "<br>".join(map(safe, lines))


def _wrapped(words: str, mark: str = "") -> str:
    return "\n".join(wrap(words, _WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark)))
