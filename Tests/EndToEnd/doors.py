# SPDX-FileCopyrightText: The Sluice authors
# SPDX-License-Identifier: Apache-2.0

"""The front doors, each through the official SDK of its dialect, behind one face.

A conversation is a list in the SDK's own terms, so that what an SDK keeps or drops of an answer is what goes back.
"""

import base64
import json
from dataclasses import dataclass, field

import anthropic
import openai
from google import genai
from google.genai import errors, types

from wire import KEY


# Every answer and event must be of the SDK's own type, with each member that it requires.
STRICT = {"max_retries": 0, "_strict_response_validation": True}


@dataclass
class Call:
    """One call of a tool."""

    id: str
    name: str
    arguments: dict


@dataclass
class Turn:
    """One answer, in no dialect."""

    text: str
    finish: str  # stop, length or tools
    model: str
    tokens: tuple  # of the question and of the answer
    reasoning: str = ""
    calls: list = field(default_factory=list)
    parsed: object = None  # what the SDK made of a structured answer
    history: list = field(default_factory=list)  # what the SDK's user appends to the conversation


@dataclass
class Ask:
    """One question, in no dialect."""

    model: str
    history: list
    tools: list = ()  # of (name, JSON schema)
    thinks: str = ""  # by `effort` or by `budget`, where the dialect has both ways to say it
    form: type = None  # a pydantic model that the answer must fit
    streams: bool = False
    timeout: float = 10.0


class Door:
    """What every door can do; `raises` maps the status of a failure to the SDK's class."""

    budget = 1024  # the least that Anthropic takes

    def image(self, words, data=None, url=None):
        """A question with a PNG image, by its bytes or by its address."""
        raise NotImplementedError


def data_url(data):
    return "data:image/png;base64," + base64.b64encode(data).decode()


class ChatDoor(Door):
    """`/v1/chat/completions` with the `openai` SDK."""

    name = "chat"
    raises = {
        400: openai.BadRequestError,
        401: openai.AuthenticationError,
        404: openai.NotFoundError,
        429: openai.RateLimitError,
        500: openai.InternalServerError,
    }
    midstream, timeout = openai.APIError, openai.APITimeoutError

    def __init__(self, address, key=KEY):
        url = "http://%s:%d/v1" % address
        self.client = openai.OpenAI(api_key=key, base_url=url, **STRICT)

    def close(self):
        self.client.close()

    def user(self, words):
        return [{"role": "user", "content": words}]

    def image(self, words, data=None, url=None):
        image = {"type": "image_url", "image_url": {"url": url or data_url(data)}}
        return [{"role": "user", "content": [{"type": "text", "text": words}, image]}]

    def results(self, calls, words):
        return [{"role": "tool", "tool_call_id": call.id, "content": words[call.name]} for call in calls]

    def request(self, ask):
        # The stream helper takes strict tools only.
        tools = [
            {"type": "function", "function": {"name": name, "parameters": schema, "strict": True}}
            for name, schema in ask.tools
        ]
        return {
            "model": ask.model,
            "messages": ask.history,
            "timeout": ask.timeout,
            **({"tools": tools} if tools else {}),
            **({"reasoning_effort": "low"} if ask.thinks else {}),
            **({"response_format": ask.form} if ask.form else {}),
        }

    def ask(self, ask):
        completions, request = self.client.chat.completions, self.request(ask)
        if ask.streams:
            with completions.stream(**request, stream_options={"include_usage": True}) as stream:
                for _ in stream:
                    pass
                answer = stream.get_final_completion()
        else:
            answer = (completions.parse if ask.form else completions.create)(**request)
        choice = answer.choices[0]
        message = choice.message
        calls = [
            Call(call.id, call.function.name, json.loads(call.function.arguments))
            for call in message.tool_calls or []
        ]
        return Turn(
            text=message.content or "",
            finish={"tool_calls": "tools"}.get(choice.finish_reason, choice.finish_reason),
            model=answer.model,
            tokens=(answer.usage.prompt_tokens, answer.usage.completion_tokens),
            reasoning=getattr(message, "reasoning_content", None) or "",
            calls=calls,
            parsed=getattr(message, "parsed", None),
            history=[message],
        )

    def pieces(self, ask):
        """The text of a stream, piece by piece, read without the SDK's helper; closing it closes the connection."""
        with self.client.chat.completions.create(**self.request(ask), stream=True) as stream:
            for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    yield chunk.choices[0].delta.content


class ResponsesDoor(ChatDoor):
    """`/v1/responses` with the `openai` SDK."""

    name = "responses"

    def image(self, words, data=None, url=None):
        image = {"type": "input_image", "image_url": url or data_url(data), "detail": "auto"}
        return [{"role": "user", "content": [{"type": "input_text", "text": words}, image]}]

    def results(self, calls, words):
        return [
            {"type": "function_call_output", "call_id": call.id, "output": words[call.name]} for call in calls
        ]

    def request(self, ask):
        tools = [
            {"type": "function", "name": name, "parameters": schema, "strict": True}
            for name, schema in ask.tools
        ]
        reasoning = {"effort": "low", "summary": "auto"}
        return {
            "model": ask.model,
            "input": ask.history,
            "timeout": ask.timeout,
            "store": False,
            **({"tools": tools} if tools else {}),
            **({"reasoning": reasoning, "include": ["reasoning.encrypted_content"]} if ask.thinks else {}),
            **({"text_format": ask.form} if ask.form else {}),
        }

    def ask(self, ask):
        responses, request = self.client.responses, self.request(ask)
        if ask.streams:
            with responses.stream(**request) as stream:
                for _ in stream:
                    pass
                answer = stream.get_final_response()
        else:
            answer = (responses.parse if ask.form else responses.create)(**request)
        calls = [
            Call(item.call_id, item.name, json.loads(item.arguments))
            for item in answer.output
            if item.type == "function_call"
        ]
        thoughts = [item for item in answer.output if item.type == "reasoning"]
        return Turn(
            text=answer.output_text,
            finish="tools" if calls else {"completed": "stop", "incomplete": "length"}[answer.status],
            model=answer.model,
            tokens=(answer.usage.input_tokens, answer.usage.output_tokens),
            reasoning="".join(
                part.text for item in thoughts for part in [*item.summary, *(item.content or [])]
            ),
            calls=calls,
            parsed=getattr(answer, "output_parsed", None),
            history=list(answer.output),
        )

    def pieces(self, ask):
        with self.client.responses.create(**self.request(ask), stream=True) as stream:
            for event in stream:
                if event.type == "response.output_text.delta":
                    yield event.delta


class MessagesDoor(Door):
    """`/v1/messages` with the `anthropic` SDK."""

    name = "messages"
    raises = {
        400: anthropic.BadRequestError,
        401: anthropic.AuthenticationError,
        404: anthropic.NotFoundError,
        429: anthropic.RateLimitError,
        500: anthropic.InternalServerError,
    }
    midstream, timeout = anthropic.APIStatusError, anthropic.APITimeoutError

    def __init__(self, address, key=KEY):
        url = "http://%s:%d" % address
        self.client = anthropic.Anthropic(api_key=key, base_url=url, **STRICT)

    def close(self):
        self.client.close()

    def user(self, words):
        return [{"role": "user", "content": words}]

    def image(self, words, data=None, url=None):
        source = {"type": "url", "url": url} if url else {"type": "base64", "media_type": "image/png"}
        if data:
            source["data"] = base64.b64encode(data).decode()
        image = {"type": "image", "source": source}
        return [{"role": "user", "content": [image, {"type": "text", "text": words}]}]

    def results(self, calls, words):
        blocks = [
            {"type": "tool_result", "tool_use_id": call.id, "content": words[call.name]} for call in calls
        ]
        return [{"role": "user", "content": blocks}]

    def request(self, ask):
        tools = [{"name": name, "input_schema": schema} for name, schema in ask.tools]
        thinking = {
            "effort": {"type": "adaptive", "display": "summarized"},
            "budget": {"type": "enabled", "budget_tokens": self.budget},
        }
        return {
            "model": ask.model,
            "messages": ask.history,
            "timeout": ask.timeout,
            "max_tokens": 60 + (self.budget if ask.thinks == "budget" else 0),
            **({"tools": tools} if tools else {}),
            **({"thinking": thinking[ask.thinks]} if ask.thinks else {}),
            **({"output_format": ask.form} if ask.form else {}),
        }

    def ask(self, ask):
        messages, request = self.client.messages, self.request(ask)
        if ask.streams:
            with messages.stream(**request) as stream:
                for _ in stream:
                    pass
                answer = stream.get_final_message()
        else:
            answer = (messages.parse if ask.form else messages.create)(**request)
        finishes = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tools"}
        return Turn(
            text="".join(block.text for block in answer.content if block.type == "text"),
            finish=finishes.get(answer.stop_reason, answer.stop_reason),
            model=answer.model,
            tokens=(answer.usage.input_tokens, answer.usage.output_tokens),
            reasoning="".join(block.thinking for block in answer.content if block.type == "thinking"),
            calls=[
                Call(block.id, block.name, block.input) for block in answer.content if block.type == "tool_use"
            ],
            parsed=getattr(answer, "parsed_output", None),
            history=[{"role": "assistant", "content": answer.content}],
        )

    def pieces(self, ask):
        with self.client.messages.create(**self.request(ask), stream=True) as stream:
            for event in stream:
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    yield event.delta.text


class GeminiDoor(Door):
    """`/v1/models/…` with the `google-genai` SDK."""

    name = "gemini"
    raises = {
        400: errors.ClientError,
        401: errors.ClientError,
        404: errors.ClientError,
        429: errors.ClientError,
        500: errors.ServerError,
    }
    midstream, timeout = errors.APIError, Exception

    def __init__(self, address, key=KEY):
        options = types.HttpOptions(base_url="http://%s:%d" % address)
        self.client = genai.Client(api_key=key, http_options=options)

    def close(self):
        self.client.close()

    def user(self, words):
        return [types.Content(role="user", parts=[types.Part(text=words)])]

    def image(self, words, data=None, url=None):
        if url:
            part = types.Part.from_uri(file_uri=url, mime_type="image/png")
        else:
            part = types.Part.from_bytes(data=data, mime_type="image/png")
        return [types.Content(role="user", parts=[types.Part(text=words), part])]

    def results(self, calls, words):
        parts = [
            types.Part(
                function_response=types.FunctionResponse(
                    id=call.id, name=call.name, response={"result": words[call.name]}
                )
            )
            for call in calls
        ]
        return [types.Content(role="user", parts=parts)]

    def request(self, ask):
        functions = [
            types.FunctionDeclaration(name=name, description=name, parameters_json_schema=schema)
            for name, schema in ask.tools
        ]
        amount = {"thinking_budget": self.budget} if ask.thinks == "budget" else {"thinking_level": "LOW"}
        thinking = types.ThinkingConfig(include_thoughts=True, **amount)
        config = types.GenerateContentConfig(
            http_options=types.HttpOptions(timeout=int(ask.timeout * 1000)),
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            tools=[types.Tool(function_declarations=functions)] if functions else None,
            thinking_config=thinking if ask.thinks else None,
            response_mime_type="application/json" if ask.form else None,
            response_schema=ask.form,
        )
        return {"model": ask.model, "contents": ask.history, "config": config}

    def ask(self, ask):
        request = self.request(ask)
        if ask.streams:
            answers = list(self.client.models.generate_content_stream(**request))
        else:
            answers = [self.client.models.generate_content(**request)]
        contents = [answer.candidates[0].content for answer in answers if answer.candidates]
        parts = [part for content in contents if content for part in content.parts or []]
        text = "".join(part.text for part in parts if part.text and not part.thought)
        calls = [part.function_call for part in parts if part.function_call]
        reason = next(
            answer.candidates[0].finish_reason
            for answer in reversed(answers)
            if answer.candidates and answer.candidates[0].finish_reason
        )
        usage = answers[-1].usage_metadata
        finish = {"MAX_TOKENS": "length"}.get(reason.value, reason.value.lower())
        return Turn(
            text=text,
            # A call is no reason of its own to Gemini.
            finish="tools" if calls and finish == "stop" else finish,
            model=answers[-1].model_version,
            tokens=(usage.prompt_token_count, usage.candidates_token_count),
            reasoning="".join(part.text for part in parts if part.text and part.thought),
            calls=[Call(call.id, call.name, call.args or {}) for call in calls],
            parsed=ask.form.model_validate_json(text) if ask.form and ask.streams else answers[0].parsed,
            history=[types.Content(role="model", parts=parts)],
        )

    def pieces(self, ask):
        stream = self.client.models.generate_content_stream(**self.request(ask))
        try:
            for answer in stream:
                if answer.text:
                    yield answer.text
        finally:
            stream.close()


DOORS = {door.name: door for door in (ChatDoor, ResponsesDoor, MessagesDoor, GeminiDoor)}
