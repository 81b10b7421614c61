"""How long interactions take until the page that answers them is painted."""

from __future__ import annotations

from playwright.sync_api import Page

RESPONSIVE_MS = 200
WATCH = """() => {
  window.interactions = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const on = entry.target ? (entry.target.ariaLabel || entry.target.textContent).slice(0, 30) : "";
      if (entry.interactionId) window.interactions.push([`${entry.name} ${on}`, entry.duration]);
    }
  }).observe({type: "event", durationThreshold: 16, buffered: false});
}"""


def slow(page: Page) -> list[tuple[str, float]]:
    """Name and milliseconds of those that took longer than a frame, since `WATCH` was evaluated; the slowest first."""
    found = [(str(name), float(took)) for name, took in page.evaluate("window.interactions")]
    found.sort(key=lambda each: -each[1])
    print(f"{len(found)} slower than 16 ms; the slowest: {found[:5]}")
    return found
