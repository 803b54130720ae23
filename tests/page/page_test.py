#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""page_test DIR NAME - the pages in DIR, opened in Chromium. Says ok or not ok, a line each."""
import json
import os
import sys

import browser

FOLDER, NAME = sys.argv[1], sys.argv[2]
ALIGNMENT = {False: "#12805c", True: "#2fb98a"}
CAPABILITIES = {False: "#e08a1e", True: "#f0a03c"}
ALARM = "#b3261e"


def t(what, good, why=""):
    print("ok %s: %s" % (NAME, what) if good else "not ok %s: %s: %s" % (NAME, what, why), flush=True)


def path(name):
    return os.path.join(FOLDER, name + ".html")


def quiet(b, what):
    t(what + ": no console errors", not b.complaints(), b.complaints()[:3])
    t(what + ": no network requests", not b.requests(), b.requests()[:3])
    t(what + ": drawn to its end", b.ask("document.body.dataset.drawn === 'yes'"))
    words = b.ask("document.body.innerText")
    bad = [w for w in ("NaN", "Infinity", "undefined undefined", "[object", "null") if w in words]
    t(what + ": no number that is none", not bad, bad)


def charts(b, what, dark=False):
    """Pixels of the charts, not their nodes."""
    titles = b.ask("[...document.querySelectorAll('figure h3')].map(e => e.innerText)")
    for i, title in enumerate(titles):
        plot = b.picture("figure .plot, figure svg.bars", i)
        t("%s: “%s” is drawn" % (what, title), plot.width > 200 and plot.height > 40 and plot.colours() > 8,
          "%d x %d, %d colours" % (plot.width, plot.height, plot.colours()))
    stack = b.picture("figure .plot")
    area = stack.width * stack.height
    t(what + ": capabilities fill much of the first chart", stack.count(CAPABILITIES[dark]) > area / 20,
      stack.count(CAPABILITIES[dark]))
    t(what + ": … and alignment part of it", stack.count(ALIGNMENT[dark]) > area / 200, stack.count(ALIGNMENT[dark]))


def said(b, what):
    """What those read who see no chart."""
    tree = b.tree()
    images = [name for role, name in tree if role in ("image", "img", "graphics-document")]
    figures = b.ask("document.querySelectorAll('figure').length")
    t(what + ": each chart is an image with a description", len([n for n in images if len(n) > 60]) >= figures,
      "%d of %d" % (len(images), figures))
    rows = b.ask("[...document.querySelectorAll('figure details')].map(d => { d.open = true; return d })"
                 ".length && new Promise(r => setTimeout(() => r([...document.querySelectorAll('figure')]"
                 ".map(f => f.querySelectorAll('tbody tr').length)), 300))")
    t(what + ": each chart has its data as a table", rows and min(rows) > 0, rows)
    levels = b.ask("[...document.querySelectorAll('h1, h2, h3')].map(h => +h.tagName[1])")
    t(what + ": headings in order", levels[0] == 1 and all(y - x < 2 for x, y in zip(levels, levels[1:])), levels)
    t(what + ": it says its language and title", b.ask("document.documentElement.lang === 'en' && !!document.title"))


def keyboard(b):
    b.ask("document.querySelector('.plot').focus()")
    b.key("Home", 36)
    first = b.ask("document.querySelector('output').innerText")
    b.key("ArrowRight", 39)
    second = b.ask("document.querySelector('output').innerText")
    t("by keyboard: arrows read the chart's values", "UTC" in first and second and first != second, (first, second))
    b.open(path("plain"))
    b.key("Tab", 9)
    t("by keyboard: first of all to what was promised", "Skip" in (b.ask("document.activeElement.innerText") or ""))


def plain(b):
    for width, height, phone in ((1200, 900, False), (390, 844, True)):
        what = "%d pixels wide" % width
        b.size(width, height, phone)
        b.open(path("plain"))
        quiet(b, what)
        wide = b.ask("document.documentElement.scrollWidth")
        t(what + ": nothing sticks out", wide <= width, wide)
        charts(b, what)
        seen = b.ask("[...document.querySelectorAll('h1, header p, .verdict')].filter(e =>"
                     "e.getBoundingClientRect().top < innerHeight).map(e => e.innerText).join(' ')")
        missing = [w for w in ("alignment", "safe", "GPU", "promised", "Not due yet") if w not in seen]
        t(what + ": the first screen says what it is about, and the first verdict", not missing, missing)
    said(b, "for a screen reader")
    keyboard(b)
    b.size(1200, 900)
    b.dark(True)
    b.open(path("plain"))
    corner = b.picture()
    t("dark: the paper is dark", corner.count("#14181c") > corner.width * corner.height / 2)
    charts(b, "dark", True)
    b.ask("dispatchEvent(new Event('beforeprint')); new Promise(r => setTimeout(r, 200))")
    t("dark: print is light", b.picture("figure .plot").count(ALIGNMENT[False]) > 100)
    b.ask("dispatchEvent(new Event('afterprint')); new Promise(r => setTimeout(r, 200))")
    t("dark: … and dark again after it", b.picture("figure .plot").count(ALIGNMENT[True]) > 100)
    b.dark(False)
    b.ask("new Promise(r => setTimeout(r, 200))")
    t("light again, without loading anew", b.picture("figure .plot").count(ALIGNMENT[False]) > 100)
    share = b.picture("section:nth-of-type(3) figure .plot")
    t("the promised floor is a line across its chart", share.count(ALARM) > share.width / 3, share.count(ALARM))
    pdf = b.pdf()
    t("in print: pages of its own", pdf[:5] == b"%PDF-" and pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") >= 1)


def kinds(b):
    """A curve with its bound for every kind of promise."""
    b.size(1200, 900)
    b.open(path("kinds"))
    quiet(b, "promises of every kind")
    titles = b.ask("[...document.querySelectorAll('figure h3')].map(e => e.innerText)")
    for words in ("hours: GPU time", "in-step: growth", "moved: the share", "who-decides: the largest job",
                  "who-decides: GPUs of"):
        at = next((i for i, title in enumerate(titles) if title.startswith(words)), None)
        t("%s: has a chart" % words, at is not None, titles)
        if at is None:
            continue
        plot = b.picture("figure .plot, figure svg.bars", at)
        t("%s: the promised line is across its chart" % words, plot.count(ALARM) > plot.width / 3, plot.count(ALARM))
        line = ALIGNMENT if words.startswith(("hours", "moved")) else CAPABILITIES
        t("%s: … and what was so is drawn" % words, plot.count(line[False]) > 30, plot.count(line[False]))
        says = b.ask("document.querySelectorAll('figure')[%d].querySelector('[role=img]').ariaLabel" % at)
        t("%s: says in words how it ends" % words, "At the end: " in says and "not bounded." not in says, says)
    said(b, "promises of every kind")


def evil(b):
    b.size(1200, 900)
    b.open(path("evil"))
    quiet(b, "hostile names")
    b.ask("document.querySelectorAll('details').forEach(d => d.open = true)")
    b.ask("new Promise(r => setTimeout(r, 300))")
    t("hostile names: no script ran", b.ask("window.pwned === undefined"))
    t("hostile names: no element came of them", b.ask("!document.querySelector('img, main script, main svg[onload]')"))
    t("hostile names: they are shown as they are", b.ask("document.body.innerText.includes('<script>window.pwned=1')"))
    wide = "x" * 63
    b.ask("document.querySelectorAll('h3, .legend li, dt, .verdict strong').forEach(e => e.append('%s'))" % (wide * 3))
    b.size(390, 844, True)
    sticks = b.ask("document.documentElement.scrollWidth")
    t("names without end: nothing sticks out of a phone", sticks <= 390, sticks)
    b.size(1200, 900)
    t("hostile names: an order's curve is drawn",
      b.ask("[...document.querySelectorAll('figure h3')].some(h => h.innerText.includes('each order'))"))
    b.ask("(() => { const s = document.createElement('script'); s.textContent = 'window.pwned = 9';"
          "document.body.append(s) })()")
    t("a script that is not the page's own is refused", b.ask("window.pwned === undefined"))
    b.ask("fetch('https://example.org/').then(() => { window.away = 1 }, () => 0)")
    t("a connection is refused", b.ask("window.away === undefined"))


def degenerate(b):
    says = {"empty": ("no record", "nothing"), "one": (), "untagged": ("(proven) and 100.00 % (possible)",)}
    for name, words in says.items():
        b.open(path(name))
        quiet(b, name)
        text = b.ask("document.body.innerText")
        missing = [w for w in words if w not in text]
        t(name + ": a sentence says so", not missing, missing)


def much(b):
    """Ten megabytes of jobs and steps."""
    page = open(path("plain"), encoding="utf-8").read()
    start = page.index(">", page.index('id="document"')) + 1
    end = page.index("</script>", start)
    doc = json.loads(page[start:end])
    series = doc["series"]
    for key in [k for k in series if isinstance(series[k], list)]:
        if key != "at":
            series[key] = (series[key] * 300)[:30000]
    series["at"] = [series["at"][0] + 21600 * i for i in range(30000)]
    doc["jobs"] = [dict(doc["jobs"][0], path="/job/%d" % i) for i in range(60000)]
    data = json.dumps(doc).replace("<", "\\u003c")
    with open(path("much"), "w", encoding="utf-8") as f:
        f.write(page[:start] + data + page[end:])
    took = b.open(path("much"))
    t("10 MB of data: that it is", len(data) > 10e6, len(data))
    quiet(b, "10 MB of data")
    print("# 10 MB opened in %.2f s" % took)
    t("10 MB of data: the first chart is drawn", b.picture("figure .plot").colours() > 8)


def year(b):
    took = b.open(path("year"))
    print("# a year opened in %.2f s" % took)
    t("a year: opened below 2 s", took < 2, took)
    quiet(b, "a year")
    cusum = b.ask("[...document.querySelectorAll('figure h3')].some(h => h.innerText.includes('alarm line'))")
    t("a year: drift is drawn with its alarm line", cusum)


def main():
    b = browser.Browser()
    try:
        for part in (plain, kinds, evil, degenerate, year, much):
            part(b)
    finally:
        b.close()


main()
