#!/usr/bin/env python3
# mypy: ignore-errors
"""Fake model servers on loopback, one process, one port.

  POST /v1/messages            Anthropic Messages API (SSE or JSON)
  POST /v1/messages/count_tokens
  POST /v1/responses           OpenAI Responses API (SSE)            -> codex
  POST /v1/chat/completions    OpenAI chat completions (SSE or JSON) -> opencode, qwen, ...
  GET  /v1/models              model list

The last user text steers the behaviour:
  @401 @403 @429 @500 @529      HTTP error with the API's error body (every attempt)
  @429once                      first attempt 429 (retry-after: 1), then fine
  @spent                        429: the account's five-hour limit is used up until RESET (Anthropic)
  @near                         fine, but the five-hour limit is used up to 92 % (Anthropic)
  @ctx                          "prompt too long" (400)
  @sse-err                      200, then an error event in the stream (overloaded_error)
  @cut                          200, half a stream, then the connection is closed
  @slow                         streams 200 deltas, 0.1 s apart (for interrupts)
  @tool                         first answer calls a shell tool, the answer after the tool result is text
  @tool2                        two tool rounds
  @sleep                        with @tool: the command takes a minute  (responses only)
  @par                          one answer with two parallel tool calls
  @think                        answer with a thinking/reasoning block
  @agent                        calls the Task/Agent tool (sub-agent); as Codex, spawns one and waits for it
  @agent @bg                    the same, in the background (Anthropic only)
  @ask                          calls the question tool  (chat only)
  @quota                        429: the account's usage is used up for an hour  (responses only)
  @limits                       the headers of an account with two limits  (responses only)

Usage numbers are recognisable: request number n (per server, from 1) answers
  anthropic : input=10+n cache_creation=200+n cache_read=3000+n output=40+n
  responses : input=5000+n cached=3000+n output=40+n reasoning=8 total=...
  chat      : prompt=5000+n cached=3000+n completion=40+n reasoning=8
With --until-eof it ends when its stdin closes, so that it never outlives who started it.
Requests are appended to --log as JSON lines, and `GET /__requests` gives them all: an entry
for each request, and one with `"ev": "billed"` and the usage for each answer that was given
to its end.
"""
import argparse, json, os, re, socket, sys, threading, time, uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

N = 0
LOCK = threading.Lock()
ONCE = {}
LOG = None
MEMORY = []


def nextn():
    global N
    with LOCK:
        N += 1
        return N


def billed(n, b, usage):
    log({"ev": "billed", "n": n, "model": b.get("model"), "usage": usage})


def log(rec):
    with LOCK:
        MEMORY.append(rec)
    if LOG:
        with LOCK:
            LOG.write(json.dumps(rec) + "\n")
            LOG.flush()


def texts_of(content):
    if isinstance(content, str):
        return [content]
    out = []
    for b in content or []:
        if isinstance(b, dict):
            if b.get("type") in ("text", "input_text", "output_text"):
                out.append(b.get("text", ""))
    return out


def strip_reminders(t):
    return re.sub(r"<system-reminder>.*?</system-reminder>", "", t, flags=re.S)


#: When the limit of @spent and @near ends, in seconds since the epoch: in the year 2100.
RESET = 4102444800


def unified(status, utilization):
    """The headers in which Anthropic tells how a subscription's limits stand."""
    prefix = "anthropic-ratelimit-unified"
    return {
        f"{prefix}-status": status,
        f"{prefix}-reset": str(RESET),
        f"{prefix}-representative-claim": "five_hour",
        f"{prefix}-5h-status": status,
        f"{prefix}-5h-reset": str(RESET),
        f"{prefix}-5h-utilization": utilization,
        f"{prefix}-5h-surpassed-threshold": "0.9",
    }


class H(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 0

    def log_message(self, *a):
        pass

    # ---- helpers
    def send_json(self, code, obj, headers=None):
        b = json.dumps(obj).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(b)))
        self.send_header("request-id", "req_fake_" + uuid.uuid4().hex[:12])
        for k, v in (headers or {}).items():
            self.send_header(k, v)
        self.end_headers()
        self.wfile.write(b)

    def sse_start(self, headers=None):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("cache-control", "no-cache")
        self.send_header("transfer-encoding", "chunked")
        self.send_header("request-id", "req_fake_" + uuid.uuid4().hex[:12])
        for k, v in (headers or {}).items():
            self.send_header(k, v)
        self.end_headers()

    def chunk(self, b):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(b), b))

    def ev(self, name, obj):
        s = (f"event: {name}\n" if name else "") + "data: " + (obj if isinstance(obj, str) else json.dumps(obj)) + "\n\n"
        self.chunk(s.encode())

    def sse_end(self):
        self.wfile.write(b"0\r\n\r\n")

    def body(self):
        n = int(self.headers.get("content-length") or 0)
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            out = b""
            while True:
                ln = self.rfile.readline().strip()
                k = int(ln.split(b";")[0], 16)
                if k == 0:
                    self.rfile.readline()
                    break
                out += self.rfile.read(k)
                self.rfile.readline()
            raw = out
        else:
            raw = self.rfile.read(n) if n else b""
        enc = self.headers.get("content-encoding", "")
        if enc == "zstd":
            try:
                import zstandard
                raw = zstandard.ZstdDecompressor().decompressobj().decompress(raw)
            except ImportError:
                pass
        elif enc == "gzip":
            import gzip
            raw = gzip.decompress(raw)
        try:
            return json.loads(raw or b"{}")
        except Exception:
            return {"_raw": repr(raw[:200])}

    # ---- routing
    def do_GET(self):
        p = self.path.split("?")[0]
        if p == "/__requests":
            with LOCK:
                recs = list(MEMORY)
            self.send_json(200, recs)
            return
        log({"t": time.time(), "m": "GET", "path": self.path, "ua": self.headers.get("user-agent")})
        if p.endswith("/models"):
            now = 1700000000
            ids = ["claude-sonnet-4-5", "claude-opus-4-5", "claude-haiku-4-5", "gpt-5.1-codex", "fake-model"]
            self.send_json(200, {"object": "list", "data": [{"id": i, "object": "model", "type": "model", "created": now, "owned_by": "fake", "display_name": i} for i in ids], "has_more": False})
        else:
            self.send_json(404, {"error": {"type": "not_found_error", "message": "not found " + p}})

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_POST(self):
        p = self.path.split("?")[0]
        try:
            b = self.body()
        except Exception as e:
            b = {"_err": repr(e)}
        try:
            if p.endswith("/messages/count_tokens"):
                log({"t": time.time(), "m": "POST", "path": self.path})
                self.send_json(200, {"input_tokens": 1234})
            elif p.endswith("/messages"):
                self.anthropic(b)
            elif p.endswith("/responses"):
                self.oai_responses(b)
            elif p.endswith("/chat/completions"):
                self.oai_chat(b)
            else:
                log({"t": time.time(), "m": "POST", "path": self.path, "keys": list(b)[:10]})
                self.send_json(404, {"error": {"type": "not_found_error", "message": "not found " + p}})
        except (BrokenPipeError, ConnectionResetError):
            log({"t": time.time(), "ev": "client_gone", "path": p})
            self.close_connection = True

    # ---- common steering
    def http_error(self, cue, api, n):
        """returns True if an error has been sent"""
        if "@spent" in cue and api == "anthropic":
            self.send_json(429, {"type": "error", "error": {"type": "rate_limit_error", "message": "This request would exceed your account's rate limit."}}, unified("rejected", "1.0"))
            return True
        m = re.search(r"@(401|403|404|429once|429|500|503|529|ctx)\b", cue)
        if not m:
            return False
        k = m.group(1)
        headers = {}
        if k == "429once":
            key = (api, cue)
            with LOCK:
                seen = ONCE.get(key, 0)
                ONCE[key] = seen + 1
            if seen:
                return False
            k, headers = "429", {"retry-after": "1"}
        if k == "ctx":
            code, typ, msg = 400, "invalid_request_error", "prompt is too long: 250001 tokens > 200000 maximum"
        else:
            code = int(k)
            typ, msg = {401: ("authentication_error", "invalid x-api-key"), 403: ("permission_error", "forbidden"), 404: ("not_found_error", "model: not found"), 429: ("rate_limit_error", "This request would exceed your rate limit"), 500: ("api_error", "Internal server error"), 503: ("api_error", "Service unavailable"), 529: ("overloaded_error", "Overloaded")}[code]
        if api == "anthropic":
            self.send_json(code, {"type": "error", "error": {"type": typ, "message": msg}, "request_id": "req_fake"}, headers)
        else:
            self.send_json(code, {"error": {"message": msg, "type": typ, "code": {401: "invalid_api_key", 429: "rate_limit_exceeded", 400: "context_length_exceeded"}.get(code), "param": None}}, headers)
        return True

    # ---- Anthropic
    def anthropic(self, b):
        n = nextn()
        msgs = b.get("messages", [])
        # the cue is the last user message that has text of its own
        cue, after_tool = "", 0
        for m in reversed(msgs):
            if m.get("role") != "user":
                continue
            c = m.get("content")
            if isinstance(c, list) and any(isinstance(x, dict) and x.get("type") == "tool_result" for x in c):
                after_tool += 1
                continue
            # turns that failed before are merged into one user message: the last text block counts
            tt = [x for x in (strip_reminders(t).strip() for t in texts_of(c)) if x]
            if tt:
                cue = tt[-1]
                break
        tools = [t.get("name") for t in b.get("tools", [])]
        log({"t": time.time(), "m": "POST", "path": self.path, "n": n, "model": b.get("model"), "stream": b.get("stream"), "max_tokens": b.get("max_tokens"), "nmsgs": len(msgs), "ntools": len(tools), "cue": cue[-200:], "after_tool": after_tool, "auth": [k for k in ("x-api-key", "authorization") if self.headers.get(k)], "beta": self.headers.get("anthropic-beta"), "ua": self.headers.get("user-agent"), "sys": len(json.dumps(b.get("system", ""))), "retry": self.headers.get("x-stainless-retry-count"), "agent_id": self.headers.get("x-claude-code-agent-id"), "sess": self.headers.get("x-claude-code-session-id"), "tools": tools if n < 3 else None})
        if self.http_error(cue, "anthropic", n):
            return
        usage0 = {"input_tokens": 10 + n, "cache_creation_input_tokens": 200 + n, "cache_read_input_tokens": 3000 + n, "cache_creation": {"ephemeral_5m_input_tokens": 200 + n, "ephemeral_1h_input_tokens": 0}, "output_tokens": 1, "service_tier": "standard"}
        out = 40 + n
        blocks, stop = [], "end_turn"
        shell = next((t for t in ("Bash", "bash", "shell") if t in tools), None)
        want_tools = 2 if "@tool2" in cue else 1 if ("@tool" in cue or "@par" in cue or "@agent" in cue) else 0
        if "@think" in cue:
            blocks.append({"type": "thinking", "thinking": "Let me think about it.", "signature": "c2ln"})
        if want_tools and after_tool < want_tools:
            if "@agent" in cue and ("Task" in tools or "Agent" in tools):
                nm = "Task" if "Task" in tools else "Agent"
                blocks.append({"type": "text", "text": "I will ask a sub-agent."})
                blocks.append({"type": "tool_use", "name": nm, "input": {"description": "sub job", "prompt": "Say hello from the sub-agent", "subagent_type": "general-purpose", "run_in_background": "@bg" in cue}})
            else:
                blocks.append({"type": "text", "text": "I will run a command."})
                for i in range(2 if "@par" in cue else 1):
                    blocks.append({"type": "tool_use", "name": shell or "Bash", "input": {"command": f"echo hello-{n}-{i} > tool-{i}.txt && cat tool-{i}.txt", "description": "Print hello"}})
            stop = "tool_use"
        else:
            blocks.append({"type": "text", "text": f"Answer number {n} from the fake model."})
        for x in blocks:
            if x["type"] == "tool_use":
                x["id"] = "toolu_fake_" + uuid.uuid4().hex[:12]
        mid = f"msg_fake_{n:04d}_" + uuid.uuid4().hex[:6]
        if not b.get("stream"):
            u = dict(usage0, output_tokens=out)
            billed(n, b, u)
            self.send_json(200, {"id": mid, "type": "message", "role": "assistant", "model": b.get("model"), "content": blocks, "stop_reason": stop, "stop_sequence": None, "usage": u})
            return
        self.sse_start(unified("allowed_warning", "0.92") if "@near" in cue else None)
        self.ev("message_start", {"type": "message_start", "message": {"id": mid, "type": "message", "role": "assistant", "model": b.get("model"), "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage0}})
        self.ev("ping", {"type": "ping"})
        if "@sse-err" in cue:
            self.ev("error", {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
            self.sse_end()
            return
        for i, x in enumerate(blocks):
            if x["type"] == "text":
                self.ev("content_block_start", {"type": "content_block_start", "index": i, "content_block": {"type": "text", "text": ""}})
                if "@slow" in cue:
                    for k in range(200):
                        self.ev("content_block_delta", {"type": "content_block_delta", "index": i, "delta": {"type": "text_delta", "text": f"w{k} "}})
                        time.sleep(0.1)
                parts = re.findall(r"\S+\s*", x["text"])
                for k, w in enumerate(parts):
                    self.ev("content_block_delta", {"type": "content_block_delta", "index": i, "delta": {"type": "text_delta", "text": w}})
                    if "@cut" in cue and k == 2:
                        self.close_connection = True
                        self.connection.shutdown(socket.SHUT_RDWR)
                        return
            elif x["type"] == "thinking":
                self.ev("content_block_start", {"type": "content_block_start", "index": i, "content_block": {"type": "thinking", "thinking": "", "signature": ""}})
                self.ev("content_block_delta", {"type": "content_block_delta", "index": i, "delta": {"type": "thinking_delta", "thinking": x["thinking"]}})
                self.ev("content_block_delta", {"type": "content_block_delta", "index": i, "delta": {"type": "signature_delta", "signature": x["signature"]}})
            else:
                self.ev("content_block_start", {"type": "content_block_start", "index": i, "content_block": {"type": "tool_use", "id": x["id"], "name": x["name"], "input": {}}})
                self.ev("content_block_delta", {"type": "content_block_delta", "index": i, "delta": {"type": "input_json_delta", "partial_json": json.dumps(x["input"])}})
            self.ev("content_block_stop", {"type": "content_block_stop", "index": i})
        billed(n, b, dict(usage0, output_tokens=out))
        self.ev("message_delta", {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"input_tokens": 10 + n, "cache_creation_input_tokens": 200 + n, "cache_read_input_tokens": 3000 + n, "output_tokens": out}})
        self.ev("message_stop", {"type": "message_stop"})
        self.sse_end()

    # ---- OpenAI Responses
    def oai_responses(self, b):
        n = nextn()
        inp = b.get("input", [])
        if isinstance(inp, str):
            inp = [{"type": "message", "role": "user", "content": inp}]
        cue, after_tool = "", 0
        for it in reversed(inp):
            if it.get("type") in ("function_call_output", "custom_tool_call_output", "local_shell_call_output"):
                after_tool += 1
            if it.get("role") == "user":
                tt = [x for x in (strip_reminders(t).strip() for t in texts_of(it.get("content"))) if x]
                if not tt or tt[-1].startswith("<"):
                    continue
                cue = tt[-1]
                break
        tools = [(t.get("name") or t.get("type")) for t in b.get("tools", [])]
        log({"t": time.time(), "m": "POST", "path": self.path, "n": n, "model": b.get("model"), "stream": b.get("stream"), "nitems": len(inp), "tools": tools, "cue": cue[-200:], "after_tool": after_tool, "auth": [k for k in ("x-api-key", "authorization") if self.headers.get(k)], "ua": self.headers.get("user-agent"), "sess": self.headers.get("session_id") or self.headers.get("session-id"), "keys": sorted(b)})
        if self.http_error(cue, "responses", n):
            return
        if "@quota" in cue:
            until = int(time.time()) + 3600
            self.send_json(429, {"error": {"type": "usage_limit_reached", "message": "The usage limit has been reached", "plan_type": "plus", "resets_at": until}}, {"x-codex-primary-used-percent": "100", "x-codex-primary-window-minutes": "300", "x-codex-primary-reset-at": str(until)})
            return
        rid = f"resp_fake_{n:04d}"
        usage = {"input_tokens": 5000 + n, "input_tokens_details": {"cached_tokens": 3000 + n}, "output_tokens": 40 + n, "output_tokens_details": {"reasoning_tokens": 8}, "total_tokens": 5040 + 2 * n}
        base = {"id": rid, "object": "response", "created_at": int(time.time()), "status": "in_progress", "model": b.get("model"), "output": []}
        limits = {"x-codex-primary-used-percent": "42", "x-codex-primary-window-minutes": "300", "x-codex-primary-reset-at": "1900000000", "x-codex-secondary-used-percent": "7", "x-codex-secondary-window-minutes": "10080", "x-codex-secondary-reset-at": "1900500000"}
        self.sse_start(limits if "@limits" in cue else None)
        self.ev("response.created", {"type": "response.created", "sequence_number": 0, "response": base})
        if "@sse-err" in cue:
            self.ev("response.failed", {"type": "response.failed", "response": dict(base, status="failed", error={"code": "server_is_overloaded", "message": "Our servers are currently overloaded. Please try again later."})})
            self.sse_end()
            return
        out = []
        want_tools = 2 if "@tool2" in cue else 1 if ("@tool" in cue or "@par" in cue) else 0
        if "@think" in cue:
            it = {"type": "reasoning", "id": f"rs_{n}", "summary": [{"type": "summary_text", "text": "Let me think about it."}], "encrypted_content": "AAAA"}
            self.ev("response.output_item.added", {"type": "response.output_item.added", "output_index": 0, "item": dict(it, summary=[])})
            self.ev("response.reasoning_summary_text.delta", {"type": "response.reasoning_summary_text.delta", "item_id": it["id"], "output_index": 0, "summary_index": 0, "delta": "Let me think about it."})
            self.ev("response.output_item.done", {"type": "response.output_item.done", "output_index": 0, "item": it})
            out.append(it)
        if "@agent" in cue and after_tool < 2:
            name, args = "spawn_agent", {"message": "Say hello from the sub-agent"}
            if after_tool == 1:
                spawned = [json.dumps(x["output"]) for x in inp if x.get("type") == "function_call_output"][-1]
                name, args = "wait_agent", {"targets": re.findall(r'agent_id\W+([0-9a-f-]{36})', spawned), "timeout_ms": 20000}
            it = {"type": "function_call", "id": f"fc_{n}", "call_id": f"call_{n}", "name": name, "namespace": "multi_agent_v1", "arguments": json.dumps(args)}
            self.ev("response.output_item.added", {"type": "response.output_item.added", "output_index": 0, "item": dict(it, arguments="", status="in_progress")})
            self.ev("response.output_item.done", {"type": "response.output_item.done", "output_index": 0, "item": dict(it, status="completed")})
            out.append(it)
        elif want_tools and after_tool < want_tools:
            for i in range(2 if "@par" in cue else 1):
                cmd = "sleep 60" if "@sleep" in cue else f"echo hello-{n}-{i}"
                if "exec_command" in tools:
                    it = {"type": "function_call", "id": f"fc_{n}_{i}", "call_id": f"call_{n}_{i}", "name": "exec_command", "arguments": json.dumps({"cmd": cmd})}
                elif "shell_command" in tools:
                    it = {"type": "function_call", "id": f"fc_{n}_{i}", "call_id": f"call_{n}_{i}", "name": "shell_command", "arguments": json.dumps({"command": cmd})}
                elif "bash" in tools:
                    it = {"type": "function_call", "id": f"fc_{n}_{i}", "call_id": f"call_{n}_{i}", "name": "bash", "arguments": json.dumps({"command": cmd, "description": "Print hello"})}
                else:
                    it = {"type": "function_call", "id": f"fc_{n}_{i}", "call_id": f"call_{n}_{i}", "name": "shell", "arguments": json.dumps({"command": ["bash", "-lc", cmd]})}
                self.ev("response.output_item.added", {"type": "response.output_item.added", "output_index": len(out), "item": dict(it, arguments="", status="in_progress")})
                self.ev("response.function_call_arguments.delta", {"type": "response.function_call_arguments.delta", "item_id": it["id"], "output_index": len(out), "delta": it["arguments"]})
                self.ev("response.function_call_arguments.done", {"type": "response.function_call_arguments.done", "item_id": it["id"], "output_index": len(out), "arguments": it["arguments"]})
                self.ev("response.output_item.done", {"type": "response.output_item.done", "output_index": len(out), "item": dict(it, status="completed")})
                out.append(it)
        else:
            text = f"Answer number {n} from the fake model."
            it = {"type": "message", "id": f"msg_{n}", "role": "assistant", "status": "in_progress", "content": []}
            self.ev("response.output_item.added", {"type": "response.output_item.added", "output_index": len(out), "item": it})
            self.ev("response.content_part.added", {"type": "response.content_part.added", "item_id": it["id"], "output_index": len(out), "content_index": 0, "part": {"type": "output_text", "text": "", "annotations": []}})
            if "@slow" in cue:
                for k in range(200):
                    self.ev("response.output_text.delta", {"type": "response.output_text.delta", "item_id": it["id"], "output_index": len(out), "content_index": 0, "delta": f"w{k} "})
                    time.sleep(0.1)
            for k, w in enumerate(re.findall(r"\S+\s*", text)):
                self.ev("response.output_text.delta", {"type": "response.output_text.delta", "item_id": it["id"], "output_index": len(out), "content_index": 0, "delta": w})
                if "@cut" in cue and k == 2:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
            self.ev("response.output_text.done", {"type": "response.output_text.done", "item_id": it["id"], "output_index": len(out), "content_index": 0, "text": text})
            it = dict(it, status="completed", content=[{"type": "output_text", "text": text, "annotations": []}])
            self.ev("response.output_item.done", {"type": "response.output_item.done", "output_index": len(out), "item": it})
            out.append(it)
        billed(n, b, usage)
        self.ev("response.completed", {"type": "response.completed", "response": dict(base, status="completed", output=out, usage=usage)})
        self.sse_end()

    # ---- OpenAI chat completions
    def oai_chat(self, b):
        n = nextn()
        msgs = b.get("messages", [])
        cue, after_tool = "", 0
        for m in reversed(msgs):
            if m.get("role") == "tool":
                after_tool += 1
            if m.get("role") == "user":
                tt = [x for x in (strip_reminders(t).strip() for t in texts_of(m.get("content"))) if x]
                if tt:
                    cue = tt[-1].splitlines()[-1]
                    break
        tools = [(t.get("function") or {}).get("name") for t in b.get("tools", []) or []]
        log({"t": time.time(), "m": "POST", "path": self.path, "n": n, "model": b.get("model"), "stream": b.get("stream"), "stream_options": b.get("stream_options"), "nmsgs": len(msgs), "tools": tools, "cue": cue[-200:], "after_tool": after_tool, "auth": [k for k in ("x-api-key", "authorization") if self.headers.get(k)], "ua": self.headers.get("user-agent"), "sys": (texts_of(msgs[0].get("content")) or [""])[0][:80] if msgs else ""})
        if self.http_error(cue, "chat", n):
            return
        usage = {"prompt_tokens": 5000 + n, "completion_tokens": 40 + n, "total_tokens": 5040 + 2 * n, "prompt_tokens_details": {"cached_tokens": 3000 + n}, "completion_tokens_details": {"reasoning_tokens": 8}}
        cid = f"chatcmpl-fake-{n:04d}"
        want_tools = 2 if "@tool2" in cue else 1 if ("@tool" in cue or "@par" in cue) else 0
        shell = next((t for t in ("bash", "Bash", "shell", "run_shell_command", "exec", "execute", "Shell") if t in tools), None)
        calls = []
        if want_tools and after_tool < want_tools and shell:
            for i in range(2 if "@par" in cue else 1):
                calls.append({"index": i, "id": f"call_{n}_{i}", "type": "function", "function": {"name": shell, "arguments": json.dumps({"command": f"echo hello-{n}-{i}", "description": "Print hello", "is_background": False})}})
        if "@agent" in cue and not after_tool and "task" in tools:
            calls.append({"index": 0, "id": f"call_{n}_0", "type": "function", "function": {"name": "task", "arguments": json.dumps({"description": "sub job", "prompt": "Say hello from the sub-agent", "subagent_type": "general"})}})
        if "@ask" in cue and not after_tool and "question" in tools:
            question = {"question": "Which one?", "header": "One", "options": [{"label": "left", "description": "the left one"}, {"label": "right", "description": "the right one"}]}
            calls.append({"index": 0, "id": f"call_{n}_0", "type": "function", "function": {"name": "question", "arguments": json.dumps({"questions": [question]})}})
        text = f"Answer number {n} from the fake model."
        if not b.get("stream"):
            msg = {"role": "assistant", "content": None if calls else text}
            if calls:
                msg["tool_calls"] = calls
            billed(n, b, usage)
            self.send_json(200, {"id": cid, "object": "chat.completion", "created": int(time.time()), "model": b.get("model"), "choices": [{"index": 0, "message": msg, "finish_reason": "tool_calls" if calls else "stop"}], "usage": usage})
            return
        base = {"id": cid, "object": "chat.completion.chunk", "created": int(time.time()), "model": b.get("model")}

        def c(delta, fin=None):
            self.ev(None, dict(base, choices=[{"index": 0, "delta": delta, "finish_reason": fin}]))
        self.sse_start()
        c({"role": "assistant", "content": ""})
        if "@sse-err" in cue:
            self.ev(None, {"error": {"message": "Overloaded", "type": "server_error", "code": 529}})
            self.sse_end()
            return
        if "@think" in cue:
            c({"reasoning_content": "Let me think about it."})
        if calls:
            for x in calls:
                c({"tool_calls": [x]})
            c({}, "tool_calls")
        else:
            if "@slow" in cue:
                for k in range(200):
                    c({"content": f"w{k} "})
                    time.sleep(0.1)
            for k, w in enumerate(re.findall(r"\S+\s*", text)):
                c({"content": w})
                if "@cut" in cue and k == 2:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
            c({}, "stop")
        billed(n, b, usage)
        self.ev(None, dict(base, choices=[], usage=usage))
        self.ev(None, "[DONE]")
        self.sse_end()


def main():
    global LOG
    ap = argparse.ArgumentParser()
    ap.add_argument("--port", type=int, default=0)
    ap.add_argument("--log", default=None)
    ap.add_argument("--portfile", default=None)
    ap.add_argument("--until-eof", action="store_true", help="end when stdin closes")
    a = ap.parse_args()
    if a.log:
        LOG = open(a.log, "a")
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer.request_queue_size = 128
    s = ThreadingHTTPServer(("127.0.0.1", a.port), H)
    if a.portfile:
        open(a.portfile, "w").write(str(s.server_address[1]))
    if a.until_eof:
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
    print(json.dumps({"listening": s.server_address[1]}), flush=True)
    s.serve_forever()


if __name__ == "__main__":
    main()
