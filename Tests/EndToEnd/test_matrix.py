# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""Every front door, by its official SDK, with every kind of provider; the table is printed at the end of the run."""

import anthropic
import pydantic
import pytest

import matrix
from doors import DOORS, Ask, data_url
from gateway import Sluice
from wire import KEY, request, wait_until

WORDS = "The quick brown fox jumps över the lazy dog."
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
TOOLS = [("get_weather", SCHEMA), ("get_time", SCHEMA)]
RESULTS = {"get_weather": "21 degrees", "get_time": "noon"}
IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(range(64))
IMAGE_ADDRESS = "https://images.example.com/cat.png"


class Weather(pydantic.BaseModel):
    """What the structured answers must fit."""

    city: str
    days: int


@pytest.fixture(scope="session")
def house(simulator, tmp_path_factory):
    """A gateway with a provider of every kind, each pointing at the simulator."""
    settings = {"auth": {"enabled": True, "keys": [KEY]}, "providers": matrix.providers(simulator)}
    process = Sluice(tmp_path_factory.mktemp("house"), settings)
    yield process
    process.stop()


@pytest.fixture(scope="session")
def doors(house):
    doors = {name: make(house.address) for name, make in DOORS.items()}
    yield doors
    for door in doors.values():
        door.close()


@pytest.fixture
def stats(simulator):
    """The simulator's books: how many answers are open, completed and aborted."""
    return lambda: request(simulator.address, "GET", "/stats", key=None).json()


class Cell:
    """One door with one provider, streamed or not."""

    def __init__(self, door, provider, streams):
        self.door, self.provider, self.streams = door, provider, streams

    def question(self, model, history, **options):
        return Ask(f"{self.provider}/{model}", history, streams=self.streams, **options)

    def ask(self, model, history, **options):
        turn = self.door.ask(self.question(model, history, **options))
        assert turn.model == f"{self.provider}/{model}", "the model's name is the client's own"
        assert turn.tokens[0] > 0 and turn.tokens[1] > 0
        return turn

    def pieces(self, model, words=WORDS, **options):
        return self.door.pieces(self.question(model, self.door.user(words), **options))


@pytest.fixture
def cell(doors, door, provider, mode):
    return Cell(doors[door], provider, mode == "stream")


def feature(name, modes=("stream", "whole")):
    """Makes a test of every door with every provider of a check that the exceptions may turn round."""

    def decorate(check):
        wants_stats = check.__code__.co_argcount > 2

        @pytest.mark.parametrize("mode", modes)
        @pytest.mark.parametrize("provider", matrix.PROVIDERS)
        @pytest.mark.parametrize("door", matrix.DOORS)
        def test(cell, door, provider, mode, stats, record_property):
            record_property("matrix", (name, door, provider))
            expected = matrix.expectation(name, door, provider)
            arguments = (cell, expected, stats) if wants_stats else (cell, expected)
            if not isinstance(expected, matrix.Refused):
                return check(*arguments)
            with pytest.raises(cell.door.raises[400]) as caught:
                check(*arguments)
            said = str(caught.value)
            assert "400" in said and any(word in said for word in expected.names), said

        test.__doc__ = check.__doc__
        return test

    return decorate


@feature("text")
def test_text(cell, _):
    turn = cell.ask("echo", cell.door.user(WORDS))
    assert turn.text == WORDS and turn.finish == "stop" and not turn.calls and not turn.reasoning
    if cell.streams:
        pieces = list(cell.pieces("echo"))
        assert "".join(pieces) == WORDS
        assert len(pieces) >= (1 if cell.provider == "straico" else len(WORDS.split())), "told as it comes"


def answer_tools(cell, model, history, **options):
    """Asks, is called back, gives the results, and returns the calls and what is said then; extends the history."""
    called = cell.ask(model, history, tools=TOOLS, **options)
    assert called.finish == "tools"
    assert all(call.arguments == {"city": "example", "days": 7} for call in called.calls)
    ids = [call.id for call in called.calls]
    assert all(ids) and len(set(ids)) == len(ids)
    history += [*called.history, *cell.door.results(called.calls, RESULTS)]
    answered = cell.ask(model, history, tools=TOOLS, **options)
    assert answered.finish == "stop" and not answered.calls
    history += answered.history
    return called, answered


@feature("parallel tools")
def test_parallel_tools(cell, _):
    called, answered = answer_tools(cell, "parallel-tools", cell.door.user(WORDS))
    assert [call.name for call in called.calls] == ["get_weather", "get_time"]
    assert "The tool answered: " in answered.text and "noon" in answered.text


@feature("tool loop")
def test_a_tool_loop_of_two_turns(cell, _):
    history = cell.door.user("What is the weather?")
    for question in ("And tomorrow?", "Thank you."):
        called, answered = answer_tools(cell, "tools", history)
        assert [call.name for call in called.calls] == ["get_weather"]
        assert "The tool answered: " in answered.text and "21 degrees" in answered.text
        history += cell.door.user(question)
    assert cell.ask("echo", history, tools=TOOLS).text == "Thank you."


@feature("reasoning")
def test_reasoning(cell, expected):
    turn = cell.ask("think", cell.door.user(WORDS), thinks="effort")
    assert turn.text and turn.finish in ("stop", "length")
    assert bool(turn.reasoning) != isinstance(expected, matrix.Differs)


@feature("signatures")
def test_signatures_survive_the_loop(cell, expected):
    history = cell.door.user(WORDS)
    called, answered = answer_tools(cell, "think-tools", history, thinks="budget")
    kept = expected.value if expected else "reasoning kept, call signed"
    assert called.reasoning and f"({kept})" in answered.text


@feature("moved")
def test_a_conversation_that_another_provider_began(cell, _):
    for first in ("compatible", "anthropic", "gemini", "ollama"):
        before = Cell(cell.door, first, cell.streams)
        history = cell.door.user(WORDS)
        called = before.ask("think-tools", history, tools=TOOLS, thinks="budget")
        history += [*called.history, *cell.door.results(called.calls, RESULTS)]
        answered = cell.ask("think-tools", history, tools=TOOLS, thinks="budget")
        assert "The tool answered: " in answered.text and "21 degrees" in answered.text


@feature("image")
def test_an_image(cell, _):
    turn = cell.ask("vision", cell.door.image("What is this?", data=IMAGE))
    assert turn.text == f"I see 1: data:image/png;base64 of {len(data_url(IMAGE))} bytes"


@feature("image address")
def test_the_address_of_an_image(cell, _):
    turn = cell.ask("vision", cell.door.image("What is this?", url=IMAGE_ADDRESS))
    assert turn.text == f"I see 1: {IMAGE_ADDRESS}"


@feature("structured output")
def test_a_structured_answer(cell, _):
    turn = cell.ask("json", cell.door.user(WORDS), form=Weather)
    assert turn.parsed == Weather(city="example", days=7)


@feature("errors")
def test_errors_are_the_sdks_own_classes(cell, _):
    failures = [
        ("fault-429", 429, "The simulated limit is reached."),
        ("fault-500", 500, "The simulated server failed."),
        ("no-such-model", 404, "no-such-model"),
    ]
    for model, status, words in failures:
        with pytest.raises(cell.door.raises[status]) as caught:
            cell.ask(model, cell.door.user(WORDS))
        assert str(status) in str(caught.value) and words in str(caught.value)
        if status == 429:
            assert caught.value.response.headers["retry-after"] == "7"
    if cell.streams:
        pieces = []
        with pytest.raises(cell.door.midstream) as caught:
            pieces += cell.pieces("fault-error-event")
        assert "The simulated model is overloaded." in str(caught.value)


@feature("cancel")
def test_a_client_that_leaves_cancels_upstream(cell, _, stats):
    before = stats()
    if cell.streams and cell.provider != "straico":
        pieces = cell.pieces("fault-hang-midstream")
        assert next(pieces)
        pieces.close()
    else:
        with pytest.raises(cell.door.timeout):
            cell.ask("fault-hang", cell.door.user(WORDS), timeout=0.1)
    ended = {"open": before["open"], "aborted": before["aborted"] + (cell.provider != "sim")}
    wait_until(lambda: ended.items() <= stats().items(), 2.0, "the simulator sees its client leave")


def get_weather(city: str, days: int) -> str:
    """The weather in a city.

    Args:
        city: the city's name
        days: from how many days ahead
    """
    return f"{days} degrees in {city}"


LOOPED = [provider for provider in matrix.PROVIDERS if provider != "straico"]


@pytest.mark.parametrize("provider", LOOPED)
def test_the_tool_loop_of_the_anthropic_sdk(doors, provider):
    runner = doors["messages"].client.beta.messages.tool_runner(
        model=f"{provider}/tools",
        max_tokens=100,
        messages=[{"role": "user", "content": WORDS}],
        tools=[anthropic.beta_tool(get_weather)],
    )
    assert "7 degrees in example" in runner.until_done().content[0].text


@pytest.mark.parametrize("provider", LOOPED)
def test_the_tool_loop_of_the_google_sdk(doors, provider):
    chat = doors["gemini"].client.chats.create(model=f"{provider}/tools", config={"tools": [get_weather]})
    assert "7 degrees in example" in chat.send_message(WORDS).text
    told = "".join(answer.text or "" for answer in chat.send_message_stream("And now?"))
    assert "7 degrees in example" in told


@pytest.mark.parametrize("door", matrix.DOORS)
def test_a_wrong_key_is_the_sdks_own_error(house, door):
    stranger = DOORS[door](house.address, key="sk-wrong")
    for streams in (True, False):
        with pytest.raises(stranger.raises[401]) as caught:
            stranger.ask(Ask("compatible/echo", stranger.user(WORDS), streams=streams))
        assert "401" in str(caught.value) and "API key" in str(caught.value)
    stranger.close()
