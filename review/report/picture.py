"""The picture: people, runbooks, roles and resources, and the arrows that exist between them."""

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from markupsafe import escape

from pages.rendering import visible
from review.access.grants import Access
from review.iam.names import ASSUME_ROLE, CLOUDFORMATION, PASS_ROLE, SIGNAL, START
from review.iam.patterns import overlap
from review.model.account import Account, LimitKind, Persona, Runbook

_UPDATE = "ssm:UpdateDocument"
_COLUMNS = ("people", "author roles", "runbooks", "service roles", "resources")
_MOST_RUNBOOKS = 12
_WIDTH, _BOX, _HEIGHT, _STEP, _TOP = 290, 230, 36, 60, 40


@dataclass(frozen=True, slots=True)
class Node:
    """Somebody or something."""

    id: str
    label: str
    column: int
    """Place in ``people``, ``author roles``, ``runbooks``, ``service roles``, ``resources``."""
    is_authors: bool = False
    """Whether it is an author, or a role of the authors."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """What one can do with the other."""

    start: str
    end: str
    label: str
    is_unwanted: bool = False
    """Whether it goes past a runbook: a person who touches what the role should."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Nodes and the arrows between them."""

    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]


def draw(account: Account, accesses: Iterable[Access]) -> Picture:
    """The picture of what each principal can do."""
    accesses = tuple(accesses)
    groups = _groups(account)
    nodes = [
        *(
            Node(
                f"p{number}",
                access.principal.title,
                _column(access.principal.persona),
                is_authors=access.principal.persona in (Persona.AUTHOR, Persona.AUTHOR_ROLE),
            )
            for number, access in enumerate(accesses)
        ),
        *(Node(f"r{number}", label, 2) for number, (label, _) in enumerate(groups)),
    ]
    arrows: list[Arrow] = []
    resources: dict[str, str] = {}
    for number, access in enumerate(accesses):
        arrows += _arrows(f"p{number}", access, accesses, groups)
        if access.principal.persona is Persona.SERVICE_ROLE:
            for kind in _kinds(access):
                id_ = resources.setdefault(kind, f"x{len(resources)}")
                arrows.append(Arrow(f"p{number}", id_, "acts on"))
    arrows += _unwanted(accesses, resources)
    nodes += [Node(id_, kind, len(_COLUMNS) - 1) for kind, id_ in resources.items()]
    return Picture(tuple(nodes), tuple(dict.fromkeys(arrows)))


def _column(persona: Persona) -> int:
    return {Persona.AUTHOR_ROLE: 1, Persona.SERVICE_ROLE: 3}.get(persona, 0)


def _groups(account: Account) -> list[tuple[str, list[Runbook]]]:
    """Each runbook alone, or, where they are many, those of a role together."""
    if len(account.runbooks) <= _MOST_RUNBOOKS:
        return [(runbook.name, [runbook]) for runbook in account.runbooks]
    by_role: dict[str, list[Runbook]] = {}
    for runbook in account.runbooks:
        by_role.setdefault(runbook.role or "", []).append(runbook)
    return [(f"{len(runbooks)} runbooks", runbooks) for runbooks in by_role.values()]


def _arrows(
    id_: str, access: Access, accesses: tuple[Access, ...], groups: list[tuple[str, list[Runbook]]]
) -> Iterator[Arrow]:
    for number, (_, runbooks) in enumerate(groups):
        arns = [arn for runbook in runbooks for arn in runbook.arns]
        for action, label in ((START, "starts"), (_UPDATE, "writes")):
            if any(overlap(g.resource, arn) for g in access.on(action) for arn in arns):
                yield Arrow(id_, f"r{number}", label)
        approved = any(limit.kind is LimitKind.APPROVAL for r in runbooks for limit in r.limits)
        if access.principal.persona is Persona.APPROVER and access.on(SIGNAL) and approved:
            yield Arrow(id_, f"r{number}", "approves")
        if any(runbook.role == access.principal.arn for runbook in runbooks):
            yield Arrow(f"r{number}", id_, "runs as")
    for number, other in enumerate(accesses):
        if any(grant.resource == other.principal.arn for grant in access.on(ASSUME_ROLE)):
            yield Arrow(id_, f"p{number}", "assumes")
        passed = any(grant.resource == other.principal.arn for grant in access.on(PASS_ROLE))
        if passed and ("Service", CLOUDFORMATION) in other.principal.trusted:
            yield Arrow(id_, f"p{number}", "deploys as")


def _kinds(access: Access) -> Iterator[str]:
    """The kinds of resources that a role acts on: ``ec2 instance``, ``everything of ssm``."""
    for grant in access.grants:
        service = grant.action.split(":")[0]
        if grant.resource == "*":
            yield f"{service}, any resource"
        else:
            kind = grant.resource.split(":", 5)[-1].replace(":", "/").split("/")[0]
            yield f"{service} {kind}"


def _unwanted(accesses: tuple[Access, ...], resources: dict[str, str]) -> Iterator[Arrow]:
    """Arrows of people who do by themselves what a service role does on resources of a kind."""
    roles = [access for access in accesses if access.principal.persona is Persona.SERVICE_ROLE]
    for number, access in enumerate(accesses):
        if access.principal.persona is Persona.SERVICE_ROLE:
            continue
        for kind, id_ in resources.items():
            service = kind.replace(",", " ").split()[0]
            if service != "ssm" and any(
                mine.action == theirs.action and overlap(mine.resource, theirs.resource)
                for role in roles
                for theirs in role.grants
                if theirs.action.startswith(f"{service}:")
                for mine in access.grants
            ):
                yield Arrow(f"p{number}", id_, "touches", is_unwanted=True)


def legend(picture: Picture) -> str:
    """What the lines of a picture mean, those that are in it."""
    labels = {arrow.label for arrow in picture.arrows}
    kinds = {
        "full": ("starts", "runs as", "acts on"),
        "dashed": ("approves",),
        "dotted": ("assumes", "deploys as", "writes"),
        "thick and red, past every runbook": ("touches",),
    }
    shown = [
        f"{line}: {', '.join(label for label in meant if label in labels)}"
        for line, meant in kinds.items()
        if labels & set(meant)
    ]
    return "; ".join(shown)


_STYLES = dict.fromkeys(("assumes", "deploys as", "writes"), "writes") | {"approves": "approves"}


def svg(picture: Picture) -> str:
    """The picture as SVG, in the colours of the page that it stands in."""
    columns = sorted({node.column for node in picture.nodes})
    places = _places(picture, columns)
    height = max((y for _, y in places.values()), default=0) + _STEP
    parts = [
        f'<svg viewBox="0 0 {len(columns) * _WIDTH - _WIDTH + _BOX + 20} {height}" role="img" '
        'aria-label="who can do what">',
        f"<defs>{_head('head')}{_head('bad')}</defs>",
    ]
    for number, column in enumerate(columns):
        parts.append(f'<text x="{number * _WIDTH + 10}" y="20">{_COLUMNS[column]}</text>')
    parts += [_arrow_svg(arrow, places) for arrow in picture.arrows]
    parts += [_node_svg(node, places[node.id]) for node in picture.nodes]
    return "\n".join([*parts, "</svg>"])


def _places(picture: Picture, columns: list[int]) -> dict[str, tuple[int, int]]:
    """Left and top of each box: the author's roles below everything that arrows pass by."""
    rows = dict.fromkeys(columns, 0)
    places: dict[str, tuple[int, int]] = {}
    for node in sorted(picture.nodes, key=lambda node: node.is_authors):
        if node.is_authors:
            rows[node.column] = max(rows[node.column], *(rows[c] for c in columns if c in (0, 2)))
        column = columns.index(node.column)
        places[node.id] = (column * _WIDTH + 10, _TOP + rows[node.column] * _STEP)
        rows[node.column] += 1
    return places


def _head(id_: str) -> str:
    """The head of arrows."""
    return (
        f'<marker id="{id_}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker>'
    )


def _arrow_svg(arrow: Arrow, places: dict[str, tuple[int, int]]) -> str:
    (x1, y1), (x2, y2) = places[arrow.start], places[arrow.end]
    style = "unwanted" if arrow.is_unwanted else _STYLES.get(arrow.label, "")
    named = f' class="{style}"' if style else ""
    head = "bad" if arrow.is_unwanted else "head"
    middle = _HEIGHT // 2
    if x1 == x2:  # one above the other: from edge to edge
        up = y2 < y1
        x, start, end = x1 + _BOX // 2, y1 if up else y1 + _HEIGHT, y2 + _HEIGHT if up else y2
        path = f"M{x} {start}L{x} {end}"
    elif x2 > x1:
        y1, y2 = y1 + middle, y2 + middle
        path = f"M{x1 + _BOX} {y1}C{x1 + _BOX + 30} {y1} {x2 - 30} {y2} {x2} {y2}"
    else:  # backwards: bowed below what leads forward
        y1, y2 = y1 + middle + 8, y2 + middle + 8
        low = max(y1, y2) + (22 if arrow.label == "starts" else 36)
        path = f"M{x1} {y1}C{x1 - 15} {low} {x2 + _BOX + 15} {low} {x2 + _BOX} {y2}"
    title = f"<title>{_escaped(arrow.label)}</title>"
    return f'<path{named} d="{path}" marker-end="url(#{head})">{title}</path>'


def _node_svg(node: Node, place: tuple[int, int]) -> str:
    x, y = place
    lines = textwrap.wrap(node.label, _LETTERS)
    shown = [*lines[:1], _cut(" ".join(lines[1:]))] if len(lines) > 1 else lines
    first = y + (22 if len(shown) == 1 else 15)
    spans = "".join(
        f'<tspan x="{x + 8}" y="{first + 14 * n}">{_escaped(line)}</tspan>'
        for n, line in enumerate(shown)
    )
    return (
        f'<g><title>{_escaped(node.label)}</title><rect x="{x}" y="{y}" width="{_BOX}" '
        f'height="{_HEIGHT}" rx="6"/><text>{spans}</text></g>'
    )


_LETTERS = 32
"""Letters that a box takes in a line."""


def _cut(line: str) -> str:
    return line if len(line) <= _LETTERS else f"{line[: _LETTERS - 1]}…"


def mermaid(picture: Picture) -> str:
    """The picture as a Mermaid flow chart, as Markdown shows it."""
    lines = ["flowchart LR"]
    lines += [f'  {node.id}["{_entities(node.label)}"]' for node in picture.nodes]
    for arrow in picture.arrows:
        line = "==>" if arrow.is_unwanted else "-->"
        lines.append(f"  {arrow.start} {line}|{_entities(arrow.label)}| {arrow.end}")
    return "\n".join(lines)


def _entities(text: str) -> str:
    """The text with all but letters, digits and what names are made of as Mermaid's entities."""
    return re.sub(r"[^\w .,:*+@=/()-]", lambda match: f"#{ord(match[0])};", visible(text))


def _escaped(text: str) -> str:
    """A text of the picture as HTML."""
    return str(escape(visible(text)))
