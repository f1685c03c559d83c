"""The page in a real Chromium, with a real daemon and the built-in agent behind it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.chromium import Browser, chromium, needed
from tests.support.claude_logs import claude_request, write_claude
from tests.support.tars_home import TarsHome, tars_home

#: However slow the machine is: nothing here waits for a time that has to pass.
expect.set_options(timeout=60_000)

CONFIG = """
[agents.echo]
kind = "echo"

[agents.asking]
kind = "echo"
permissions = "ask"

[[budgets]]
name = "daily"
per = "day"
limit_usd = 100
"""


@pytest.fixture(scope="module")
def tars(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TarsHome]:
    """A daemon whose machine has a week of logs."""
    needed()
    root = tmp_path_factory.mktemp("w")
    now = datetime.now(UTC)
    # The last one is in the last seven times 24 hours, and mostly in none of the last seven days.
    days = [now - timedelta(days=number) for number in range(7)] + [now - timedelta(hours=167)]
    write_claude(
        root,
        *(
            claude_request(n, at.isoformat().replace("+00:00", "Z"), model)
            for n, (at, model) in enumerate(
                (at, model) for at in days for model in ("claude-sonnet-4-5", "claude-haiku-4-5")
            )
        ),
    )
    with tars_home(root) as tars:
        tars.configure(CONFIG)
        tars.start()
        yield tars


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("p")) as browser:
        yield browser


@pytest.fixture
def browser(profile: Browser) -> Iterator[Browser]:
    """A browser that has seen nothing yet; whatever its pages do wrong fails the test."""
    profile.context.clear_cookies()
    yield profile
    profile.close_pages()


def let_in(tars: TarsHome, page: Page) -> str:
    """Open the page as somebody does who clicks on what `tars web` prints; give its address."""
    opened = tars.client.open_page(0)
    page.goto(opened.url)
    expect(page.locator(".agent")).to_have_count(2)
    return f"http://127.0.0.1:{opened.port}/"


def until(page: Page, claim: str) -> None:
    """Wait until this is true in the page; its policy forbids what Playwright would do for it."""
    look = f"const look = () => {claim} ? resolve() : requestAnimationFrame(look); look();"
    page.evaluate(f"() => new Promise((resolve) => {{ {look} }})")


def test_one_address_lets_one_browser_in(tars: TarsHome, browser: Browser, tmp_path: Path) -> None:
    """Through the file that `tars web` has a browser open, too; the secret is in no address after
    that, and the second who comes with it is shown nothing."""
    url = tars.client.open_page(0).url
    entrance = tmp_path / "web.html"
    entrance.write_text(f'<meta http-equiv="refresh" content="0; url={url}">')
    page = browser.open()
    page.goto(entrance.as_uri())
    expect(page.locator(".agent h3")).to_have_text(["echo", "asking"])
    assert page.evaluate("[location.search, document.cookie, document.referrer]") == ["", "", ""]
    assert "token" not in page.evaluate("performance.getEntries().map((e) => e.name).join(' ')")
    browser.context.clear_cookies()
    second = browser.open()
    second.goto(url)
    expect(second.locator("main")).to_contain_text("This browser was not let in")


def test_a_prompt_is_sent_and_its_answer_watched_and_found_again(
    tars: TarsHome, browser: Browser
) -> None:
    """The answer comes piece by piece; it is cancelled; the session has what was said."""
    page = browser.open()
    let_in(tars, page)
    prompt = page.get_by_role("textbox", name="Prompt")
    prompt.fill("ECHO:slow:100000:0.05 in pieces")
    prompt.press("Control+Enter")
    expect(page).to_have_url(re.compile("#/live/echo$"))
    answer = page.locator(".turn-view .assistant .text")
    expect(answer).not_to_be_empty()
    first = answer.inner_text()
    until(page, f"document.querySelector('.assistant .text').innerText.length > {len(first)}")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".turn-view .foot")).to_contain_text("cancelled")
    expect(page.locator("#told")).to_contain_text("echo: cancelled")
    page.get_by_role("link", name="Session", exact=True).click()
    expect(page.locator("h1")).to_contain_text("ECHO:slow")
    said = page.locator(".transcript > li")
    expect(said.first).to_contain_text("ECHO:slow:100000:0.05 in pieces")
    page.get_by_role("link", name="Sessions", exact=True).click()
    expect(page.locator(".sessions tbody tr")).not_to_have_count(0)
    page.get_by_label("Search").fill("pieces")
    page.get_by_label("Search").press("Enter")
    expect(page.locator(".hits li").first).to_contain_text("pieces")


def test_a_session_outside_tars_says_what_is_not_known_of_it(
    tars: TarsHome, browser: Browser
) -> None:
    """Its agent can be chosen; nothing claims that it took no time, or used no tools."""
    while not tars.client.sessions(agent="claude").sessions:
        pass  # the logs are read while the daemon serves
    page = browser.open()
    address = let_in(tars, page)
    page.goto(f"{address}#/sessions")
    page.get_by_label("Agent").select_option("claude")
    row = page.locator(".sessions tbody tr")
    expect(row).to_have_count(1)
    expect(row.locator("td").nth(4)).to_have_text("—")
    row.get_by_role("link").click()
    expect(page.locator("main [role=status]")).to_contain_text("ran outside tars")
    expect(page.locator("main")).to_contain_text("16 requests")
    expect(page.locator("main")).not_to_contain_text("No tools")


#: How many of a canvas' pixels are drawn, and how large it is.
DRAWN = """() => {
  const canvas = document.querySelector('.plot canvas');
  if (canvas === null) return 0;
  const { width, height } = canvas;
  const pixels = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  let drawn = 0;
  for (let n = 3; n < pixels.length; n += 4) drawn += pixels[n] > 0;
  return width >= 300 && height >= 200 ? drawn / (width * height) : 0;
}"""


def test_the_chart_is_drawn_and_is_a_table_too(tars: TarsHome, browser: Browser) -> None:
    """Bars cover a part of it; who cannot see them opens the table."""
    page = browser.open()
    address = let_in(tars, page)
    page.goto(f"{address}#/costs?range=7d&by=model")
    expect(page.locator(".legend li")).to_have_count(2)
    until(page, f"({DRAWN})() > 0.05")
    page.get_by_text("As a table").click()
    days = page.locator("details table tbody tr")
    expect(days).to_have_count(7)
    expect(days.first).to_contain_text("$0.0")
    expect(page.locator(".shares tbody tr").filter(has_text="claude")).to_have_count(2)
    cells = page.locator("details table tbody td").all_inner_texts()
    bars = sum(float(cell[1:]) for cell in cells if cell.startswith("$"))
    assert float(page.locator(".big").inner_text()[1:]) == pytest.approx(bars, abs=0.002)
    page.get_by_role("link", name="by agent").click()
    expect(page.locator(".legend li")).to_have_text(["claude"])


def test_a_permission_is_answered_with_the_keyboard_alone(tars: TarsHome, browser: Browser) -> None:
    """From the first Tab on: the prompt, the question, its answer; the focus can be seen."""
    page = browser.open()
    let_in(tars, page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    tab_to(page, "#prompt-text")
    page.keyboard.type("ECHO:ask:edit")
    tab_to(page, "#prompt-agent")
    page.keyboard.type("asking")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".ask")).to_contain_text("edit")
    expect(page.locator("[data-page=overview] .count")).to_have_text("1 waiting for permission")
    tab_to(page, ".ask button.allow")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Allow once")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".turn-view .assistant")).to_contain_text("allow_once")
    expect(page.locator(".ask")).to_have_count(0)
    tab_to(page, ".bar a[data-page=costs]", key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Costs")
    expect(page.locator("h1")).to_be_focused()


def tab_to(page: Page, wanted: str, key: str = "Tab") -> None:
    """Press Tab until this has the focus, which has to be seen at each stop."""
    for _ in range(60):
        page.keyboard.press(key)
        seen = page.evaluate(
            """(wanted) => {
              const at = document.activeElement;
              const style = getComputedStyle(at);
              const box = at.getBoundingClientRect();
              const shown = box.width > 0 && style.outlineStyle !== 'none';
              return [shown || at === document.body, at.matches(wanted), at.outerHTML.slice(0, 80)];
            }""",
            wanted,
        )
        assert seen[0], f"nobody sees the focus on {seen[2]}"
        if seen[1]:
            return
    raise AssertionError(f"the keyboard does not get to {wanted}")


HOSTILE = (
    "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 1'>"
    "<a href='javascript:pwned=1'>x</a> \x1b[31mred\x1b[0m \x1b]0;title\x07 "
    "\u202eesrever\u202c \u05e9\u05dc\u05d5\u05dd \U0001f600\n"
    "```html\n<b>bold</b>\n```\n# <i>head</i>\n- `a` **b**"
)


def test_a_hostile_answer_does_nothing(tars: TarsHome, browser: Browser) -> None:
    """It is text, whatever it is made of: no element, no colour, no turned line; and 10 MB of it
    are shown in part."""
    tars.prompt(HOSTILE, agent="echo", new=True)
    page = browser.open()
    address = let_in(tars, page)
    session = tars.agent("echo").session.id
    page.goto(f"{address}#/session/{session}")
    talk = page.locator(".transcript")
    expect(talk).to_contain_text("<script>window.pwned = 1</script>")
    expect(talk).to_contain_text("\\u202eesrever\\u202c")
    expect(talk.locator("pre code").first).to_have_text("<b>bold</b>")
    assert "\x1b" not in talk.inner_text()
    assert page.evaluate("window.pwned") is None
    assert (
        page.locator(
            "main script, main img, main iframe, main b, main i, main [style*=url]"
        ).count()
        == 0
    )
    assert page.locator("main a[href^=javascript]").count() == 0

    page.goto(f"{address}#/live/echo")
    expect(page.locator(".transcript")).to_contain_text("esrever")
    tars.prompt("ECHO:big:10000000", agent="echo")
    expect(page.locator(".turn-view .foot")).to_contain_text("done")
    assert len(page.locator(".talk").inner_text()) < 100_000
    page.goto(f"{address}#/session/{session}")
    more = page.get_by_role("button", name=re.compile("Show more")).first
    expect(more).to_be_visible()
    before = len(talk.inner_text())
    more.click()
    until(page, f"document.querySelector('.transcript').innerText.length > {before + 50_000}")
    assert len(talk.inner_text()) < 500_000


def test_texts_are_made_fit_to_be_seen(tars: TarsHome, browser: Browser) -> None:
    """As the command line does it: sequences and controls go, line ends and tabs stay."""
    page = browser.open()
    let_in(tars, page)
    shown = page.evaluate(
        """async (texts) => {
          const { clean, cut, oneLine, blocks } = await import('/text.js');
          return [texts.map(clean), cut('a\\u{1f600}b', 2), oneLine('a\\n b' + 'c'.repeat(99), 9),
                  blocks('a\\nb\\n\\n```x\\n\\n# c\\n').map((b) => [b.kind, ...b.lines])];
        }""",
        [
            "a\x1b[1;31mb\x1b[0m",
            "a\x1b]8;;http://x\x1b\\b\x07",
            "a\x00\x08b\r\nc\td",
            "\u2066x\u2069",
        ],
    )
    assert shown == [
        ["ab", "ab", "ab\nc\td", "\\u2066x\\u2069"],
        "a",
        "a bccccc…",
        [["text", "a", "b"], ["code", "", "# c", ""]],
    ]


def test_a_turn_without_an_end_does_not_grow_without_one(tars: TarsHome, browser: Browser) -> None:
    """Its beginning goes: parts, tools and characters are bounded, whatever an agent does."""
    page = browser.open()
    let_in(tars, page)
    parts, characters, shown = page.evaluate(
        """async () => {
          const { turnView } = await import('/turn.js');
          const view = turnView('t', 'echo');
          document.querySelector('main').append(view.node);
          for (let n = 0; n < 3000; n += 1) {
            view.take('thought', { text: `${n} ` });
            view.take('tool', { id: `${n}`, title: `${n}`, kind: 'read', status: 'completed' });
            view.take('notice', { message: `${n}`, advice: '', severity: 'low' });
          }
          const parts = view.node.querySelectorAll('*').length;
          for (let n = 0; n < 50; n += 1) view.take('text', { text: 'word '.repeat(20_000) });
          view.take('turn', { turn: 't', outcome: 'ok', text: '', usage: {}, error: null,
                              durationMs: 0, costUsd: null, model: null });
          const shown = view.node.querySelector('.text:last-of-type');
          return [parts, view.node.textContent.length, shown !== null];
        }"""
    )
    assert parts < 4000
    assert characters < 100_000
    assert shown


#: What is there on each page once it has its data.
BUILT = {
    "overview": ".agent .row",
    "live": ".transcript > li",
    "sessions": ".sessions tbody tr",
    "session": ".transcript > li",
    "costs": ".legend li",
}


def test_a_phone_shows_every_page(tars: TarsHome, browser: Browser) -> None:
    """Nothing has to be pushed sideways to be read, and what is touched is large enough."""
    tars.prompt("a word-that-is-very-long-" + "x" * 300, agent="echo")
    width = 360
    page = browser.open(width, 740)
    address = let_in(tars, page)
    session = tars.agent("echo").session.id
    page.goto(f"{address}#/live/nobody")
    expect(page.locator(".empty")).to_have_text("No agent is called nobody.")
    page.goto(f"{address}#/constructor/__proto__")
    expect(page.locator("[aria-current=page]")).to_have_text("Overview")
    for place in ("overview", "live/echo", "sessions", f"session/{session}", "costs?range=30d"):
        page.goto(f"{address}#/{place}")
        expect(page.locator("h1")).to_have_count(1)
        expect(page.locator(BUILT[place.partition("/")[0].partition("?")[0]]).first).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{place} is {wide} wide"
        small = "(all) => all.map((b) => b.getBoundingClientRect().height).filter((h) => h < 32)"
        assert page.locator("main button:visible").evaluate_all(small) == []


def test_the_page_outlives_its_daemon(tars: TarsHome, browser: Browser) -> None:
    """It says that it is gone and how to start it, and goes on by itself once it is back: with the
    same cookie, at the same port, without a word typed."""
    page = browser.open()
    let_in(tars, page)
    page.get_by_role("textbox", name="Prompt").fill("a draft")
    tars.stop()
    banner = page.locator("#banner")
    expect(banner).to_contain_text("tars start")
    expect(page.locator("#link")).to_have_text("not running")
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    tars.start()
    expect(banner).to_be_hidden(timeout=20_000)
    expect(page.get_by_role("textbox", name="Prompt")).to_have_value("a draft")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".turn-view .assistant")).to_contain_text("echo: a draft")


def test_a_newer_daemon_offers_its_own_page(tars: TarsHome, browser: Browser) -> None:
    """What is shown is the older one's until somebody loads it anew."""
    page = browser.open()
    let_in(tars, page)

    def upgraded(route: Route) -> None:
        status = route.fetch().json()
        status["daemon"]["version"] = "99.0"
        route.fulfill(json=status)

    page.route("**/v1/status", upgraded)
    tars.prompt("anything", agent="echo")
    expect(page.locator("#banner")).to_contain_text("tars is 99.0 now.")
    page.unroute_all(behavior="wait")
    page.get_by_role("button", name="Load the new page").click()
    expect(page.locator(".agent")).to_have_count(2)
    expect(page.locator("#banner")).to_be_hidden()


def test_a_page_that_nobody_sees_asks_nothing(tars: TarsHome, browser: Browser) -> None:
    """It lets go of the daemon's events, and looks again once it is seen."""
    page = browser.open()
    let_in(tars, page)
    hide = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => %s});"
    tell = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(hide % "true" + tell)
    expect(page.locator("#link")).to_have_text("paused")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    tars.prompt("unseen", agent="echo")
    assert asked == []
    page.evaluate(hide % "false" + tell)
    expect(page.locator("#link")).to_contain_text("tars ")
    assert any(url.endswith("/v1/events") for url in asked)


def test_more_windows_than_a_browser_has_connections(tars: TarsHome, browser: Browser) -> None:
    """The streams of some would leave nothing for the others, which would stand still unasked."""
    first = browser.open()
    address = let_in(tars, first)
    for _ in range(3):
        page = browser.open()
        page.goto(address)
        expect(page.locator("#link")).to_contain_text("tars ")
    page = browser.open()
    page.goto(address)
    expect(page.locator("#banner")).to_contain_text("Too many windows")
    first.close()
    expect(page.locator(".agent")).to_have_count(2)
    expect(page.locator("#banner")).to_be_hidden()


def test_a_closed_page_is_closed(tars: TarsHome, browser: Browser) -> None:
    """`tars web --stop` ends it for whoever looks, and for every cookie."""
    page = browser.open()
    address = let_in(tars, page)
    port = int(address.rsplit(":", 1)[1].strip("/"))
    assert tars.client.close_page().was_open
    expect(page.locator("#banner")).to_contain_text("tars web")
    assert not tars.client.close_page().was_open
    tars.client.open_page(port)
    expect(page.locator("#link")).to_have_text("not let in")
    assert not tars.home.visits.exists()
