"""Finds the passages that fit a question best, by BM25. The index is built once, when the instance starts."""

from pathlib import Path

import bm25s
from passages import read_passages
from promptflow.core import tool

PASSAGES = read_passages(Path(__file__).parent / "guide")
if not PASSAGES:
    raise FileNotFoundError("No Markdown document in the folder 'guide' beside retrieve.py.")


def tokens(texts: list[str]) -> list[list[str]]:
    """Words in lower case, common English words left out, each with the simplest ending removed."""
    words = bm25s.tokenize(texts, stopwords="en_plus", return_ids=False, show_progress=False)
    return [[stem(word) for word in text] for text in words]


def stem(word: str) -> str:
    """keys → key, deleting → delet, deleted → delet: enough for one language and a few hundred passages."""
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


LEAST_SCORE = 0.5
"""A passage below it shares a common word with the question and no more."""

INDEX = bm25s.BM25()
# The heading counts twice: it says in a few words what the passage is about.
INDEX.index(tokens([f"{p.heading} {p.heading} {p.text}" for p in PASSAGES]), show_progress=False)


@tool
def retrieve(question: str, chat_history: list, count: int = 3) -> list:
    """The best passages, best first: [{source, heading, text, score}]; none when nothing fits."""
    found = search(question, count)
    if not found and chat_history:
        # "And how do I undo that?" has no word of the documents in it: the turn before may.
        found = search(f"{chat_history[-1]['inputs'].get('question', '')} {question}", count)
    return found


def search(question: str, count: int) -> list:
    query = tokens([question])
    if not query[0]:
        return []
    documents, scores = INDEX.retrieve(query, corpus=PASSAGES, k=min(count, len(PASSAGES)), show_progress=False)
    return [
        {**passage.as_dict(), "score": round(float(score), 3)}
        for passage, score in zip(documents[0], scores[0], strict=True)
        if score >= LEAST_SCORE
    ]
