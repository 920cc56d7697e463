"""`smtp`: e-mail, as plain text and as HTML.

    smtp://user:password@host:587?from=riskloom@bank.example&to=a@bank.example,b@bank.example
    smtps://...                                      TLS from the first byte (port 465)

`smtp://` turns to TLS by STARTTLS; `&tls=none` is for a relay on this machine. A mail's Message-ID is made of
the idempotency key: of two copies most mail programs show one.
"""

from __future__ import annotations

import email.policy
import hashlib
import html
import re
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib

from riskloom.adapters.notifiers.words import Address
from riskloom.errors import DeliveryRefused, Undelivered
from riskloom.ports.notifier import Notice

TIMEOUT_S = 15.0
_MAILBOX = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+")
_TLS = ("starttls", "none")
_COLOURS = {"critical": "#b3261e", "high": "#c4501b", "medium": "#8a6100", "low": "#4a5568"}


@dataclass(frozen=True, slots=True)
class Mail:
    """Sends to some mailboxes over one server; a connection for each mail."""

    host: str
    port: int
    user: str
    password: str
    sender: str
    to: tuple[str, ...]
    tls: str

    @property
    def url(self) -> str:
        """The server, and who gets it."""
        scheme = "smtps" if self.tls == "tls" else "smtp"
        return f"{scheme}://{self.host}:{self.port}?from={self.sender}&to={','.join(self.to)}"

    async def send(self, notice: Notice) -> str:
        """Send it to whom the server takes; those it refuses are named, where somebody is left."""
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            timeout=TIMEOUT_S,
            username=self.user or None,
            password=self.password or None,
            use_tls=self.tls == "tls",
            start_tls=self.tls == "starttls",
        )
        try:
            async with client:
                refused, said = await client.send_message(
                    message(notice, self.sender, self.to), sender=self.sender, recipients=list(self.to)
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            answers = [f"{one.recipient}: {one.code} {one.message}" for one in error.recipients]
            lasting = all(one.code >= 500 for one in error.recipients)
            raise _failure("; ".join(answers), lasting=lasting) from error
        except aiosmtplib.SMTPAuthenticationError as error:
            raise _failure(f"{error.code} {error.message}", lasting=error.code >= 530) from error
        except aiosmtplib.SMTPResponseException as error:
            raise _failure(f"{error.code} {error.message}", lasting=error.code >= 500) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise Undelivered(
                f"The mail server did not answer: {str(error) or type(error).__name__}."
            ) from error
        left_out = "".join(f"; {to} refused: {answer}" for to, answer in refused.items())
        return f"{said}{left_out}"

    async def close(self) -> None:
        """Nothing stays open."""


def _failure(said: str, *, lasting: bool) -> Undelivered | DeliveryRefused:
    text = f"The mail server said {said}."
    if lasting:
        return DeliveryRefused(text, hint="mend the channel's URL or the mailbox, then replay")
    return Undelivered(text)


def message(notice: Notice, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """A notice as a mail."""
    mail = EmailMessage(policy=email.policy.SMTP)
    mail["Subject"] = f"[{notice.severity}] {' '.join(notice.title.split())}"
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Message-ID"] = (
        f"<{hashlib.sha256(notice.key.encode()).hexdigest()[:32]}@{sender.rpartition('@')[2]}>"
    )
    mail["X-Riskloom-Key"] = notice.key
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text_of(notice))
    mail.add_alternative(html_of(notice), subtype="html")
    return mail


def text_of(notice: Notice) -> str:
    """The mail for those who read plain text."""
    width = max((len(name) for name, _ in notice.facts), default=0)
    lines = [notice.title, "", *(f"{name:<{width}}  {value}" for name, value in notice.facts)]
    if notice.link:
        lines += ["", notice.link]
    return "\n".join([*lines, "", f"{notice.at} {notice.key}", ""])


def html_of(notice: Notice) -> str:
    """The mail as a page: nothing is loaded, nothing of an event is markup."""
    say = html.escape
    rows = "".join(
        f'<tr><td style="padding:3px 16px 3px 0;color:#5a6472;vertical-align:top">{say(name)}</td>'
        f'<td style="padding:3px 0;vertical-align:top">{say(value)}</td></tr>'
        for name, value in notice.facts
    )
    link = f'<p><a href="{say(notice.link)}">Look at it</a></p>' if notice.link else ""
    colour = _COLOURS.get(notice.severity, _COLOURS["low"])
    return (
        '<html><body style="font:15px/1.45 system-ui,sans-serif;color:#1c2430">'
        f'<p style="border-left:4px solid {colour};padding-left:10px;font-size:17px">{say(notice.title)}</p>'
        f'<table style="border-collapse:collapse">{rows}</table>{link}'
        f'<p style="color:#8a93a0;font-size:12px">{say(notice.at)} {say(notice.key)}</p></body></html>'
    )


def open_notifier(url: str, where: str, _folder: Path) -> Mail:
    """The mailboxes of a URL; connects to nothing."""
    address = Address(url, where)
    address.only(("from", "to", "tls"))
    is_tls = address.parts.scheme == "smtps"
    tls = "tls" if is_tls else address.options.get("tls", _TLS[0])
    if not is_tls and tls not in _TLS:
        address.refuse(f"?tls= one of {', '.join(_TLS)}", repr(tls))
    if not address.host:
        address.refuse("smtp://host:587?from=...&to=...", "no host")
    sender = address.options.get("from", "")
    to = tuple(name.strip() for name in address.options.get("to", "").split(",") if name.strip())
    for name in (sender, *(to or ("",))):
        if not _MAILBOX.fullmatch(name):
            address.refuse(
                "?from= and ?to= as mailboxes: smtp://host?from=a@b.example&to=c@d.example", repr(name)
            )
    port = address.port or (465 if is_tls else 587)
    return Mail(address.host, port, address.user, address.password, sender, to, tls)
