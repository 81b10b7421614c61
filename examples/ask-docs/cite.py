"""Puts the sources under the answer, whoever wrote it."""

from promptflow.core import tool


@tool
def cite(passages: list, written: str | None = None, quoted: str | None = None) -> dict:
    answer = written if written is not None else quoted
    sources = list(dict.fromkeys(f"{p['source']} › {p['heading']}" for p in passages))
    if not sources:
        return {"answer": answer, "sources": []}
    cited = sources if written is not None else sources[:1]
    return {"answer": f"{answer}\n\nSource: {'; '.join(cited)}", "sources": sources}
