#!/usr/bin/env python3
# mypy: ignore-errors
"""A fake Gemini API on loopback, good enough to drive the real Gemini CLI.

    python3 fake_gemini_api.py --port 8765 [--log requests.jsonl] [--latency 0] [--until-eof]

Port 0 takes a free one.  The first line on stdout, {"listening": PORT}, says that it serves.
With --until-eof it ends when its stdin closes, so that it never outlives who started it.

Stdlib only.  Point the CLI at it with
    GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:8765  GEMINI_API_KEY=<anything but "bad-key">

Endpoints: POST /v1beta/models/{m}:streamGenerateContent?alt=sse, :generateContent, :countTokens,
:embedContent, :batchEmbedContents; GET /v1beta/models, /v1beta/models/{m};
GET /__requests (the request log as JSON), POST /__reset.

What it answers is decided by the LAST user text of the request that holds a directive
`FAKE:<name>[:arg[:arg...]]`, and by the number of functionResponse turns after it (the "step"), so it
keeps no conversation state of its own (bar the `-once` counters):

    FAKE:text                 plain answer in 3 SSE chunks (default when there is no directive)
    FAKE:usage:P:C:CACHED:TH  plain answer, with exactly these usage counts
    FAKE:echo                 answers with how many user/model turns it was sent (proves history)
    FAKE:tools                step0 read_file, step1 run_shell_command, step2 text;
                              prompt tokens 1000/1100/1200, candidates 10/20/30, cached 0/900/1000, thoughts 5/6/7
    FAKE:read:<path> FAKE:shell:<cmd> FAKE:write:<path>   one tool call, then text
    FAKE:par                  two tool calls in one answer, then text
    FAKE:loop                 the same tool call for ever
    FAKE:429[:sec] FAKE:429day FAKE:500 FAKE:503 FAKE:400 FAKE:403     always that error
    FAKE:429-once[:sec] FAKE:500-once FAKE:503-once    that error the first time, then text
    FAKE:toolthen:<code>      step0 read_file, then that error for ever
    FAKE:hang0                accept, never answer;   FAKE:hang  headers + one chunk, then silence
    FAKE:cut                  one chunk, then the connection is closed (no finishReason)
    FAKE:malformed            an SSE line that is not JSON
    FAKE:empty FAKE:thinkonly FAKE:maxtokens FAKE:safety FAKE:nofinish FAKE:nousage
    FAKE:thoughts             a thought part and then text
    FAKE:slow:<n>:<sec>       n chunks, sec apart
    FAKE:big:<bytes>          one SSE chunk with that many bytes of text

A model whose name begins with "no-such" does not exist: 404 NOT_FOUND, whatever the prompt.
"""
import argparse, json, re, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ARGS = None
LOCK = threading.Lock()
REQUESTS = []
ONCE = set()
LOGF = None
T0 = time.time()

DIRECTIVE = re.compile(r"FAKE:([A-Za-z0-9_-]+)((?::[^\s:'\"<>]+)*)")


def approx_tokens(obj):
    return max(1, len(json.dumps(obj)) // 4)


def parts_text(content):
    return "\n".join(p.get("text", "") for p in content.get("parts", []) if isinstance(p, dict))


def directive(contents):
    """(name, args, step): the last directive in a user text, and the functionResponse turns after it."""
    step = 0
    for c in reversed(contents):
        if c.get("role") == "user":
            if any("functionResponse" in p for p in c.get("parts", [])):
                step += 1
                continue
            m = None
            for m in DIRECTIVE.finditer(parts_text(c)):
                pass
            if m:
                return m.group(1), [a for a in m.group(2).split(":") if a], step
            return "text", [], step
    return "text", [], step


def usage(p, c, cached=0, th=0):
    u = {"promptTokenCount": p, "candidatesTokenCount": c, "totalTokenCount": p + c + th,
         "promptTokensDetails": [{"modality": "TEXT", "tokenCount": p}]}
    if cached:
        u["cachedContentTokenCount"] = cached
        u["cacheTokensDetails"] = [{"modality": "TEXT", "tokenCount": cached}]
    if th:
        u["thoughtsTokenCount"] = th
    return u


def chunk(parts, model, finish=None, u=None, rid="resp"):
    cand = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        cand["finishReason"] = finish
    out = {"candidates": [cand], "modelVersion": model, "responseId": rid}
    if u is not None:
        out["usageMetadata"] = u
    return out


def error_body(code, retry="2s", kind=None):
    g = "type.googleapis.com/google.rpc."
    if code == 429:
        quota = "GenerateRequestsPerDayPerProjectPerModel-FreeTier" if kind == "day" else \
                "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
        return {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED",
            "message": "You exceeded your current quota, please check your plan and billing details. "
                       f"Please retry in {retry}.",
            "details": [
                {"@type": g + "QuotaFailure", "violations": [{
                    "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
                    "quotaId": quota, "quotaDimensions": {"location": "global", "model": "gemini-2.5-flash"},
                    "quotaValue": "10"}]},
                {"@type": g + "Help", "links": [{"description": "Learn more about Gemini API quotas",
                    "url": "https://ai.google.dev/gemini-api/docs/rate-limits"}]},
                {"@type": g + "RetryInfo", "retryDelay": retry}]}}
    return {"error": {
        500: {"code": 500, "status": "INTERNAL", "message": "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting"},
        503: {"code": 503, "status": "UNAVAILABLE", "message": "The model is overloaded. Please try again later."},
        403: {"code": 403, "status": "PERMISSION_DENIED", "message": "Your API key was reported as leaked. Please use another API key."},
        400: {"code": 400, "status": "INVALID_ARGUMENT", "message": "Request contains an invalid argument."},
        401: {"code": 400, "status": "INVALID_ARGUMENT", "message": "API key not valid. Please pass a valid API key.",
              "details": [{"@type": g + "ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com",
                           "metadata": {"service": "generativelanguage.googleapis.com"}},
                          {"@type": g + "LocalizedMessage", "locale": "en-US",
                           "message": "API key not valid. Please pass a valid API key."}]},
    }[code]}


def no_such_model(model):
    return {"error": {"code": 404, "status": "NOT_FOUND",
                      "message": f"models/{model} is not found for API version v1beta, or is not supported for "
                                 "generateContent. Call ListModels to see the list of available models and their "
                                 "supported methods."}}


def fc(name, args, cid=None):
    f = {"name": name, "args": args}
    if cid:
        f["id"] = cid
    return {"functionCall": f}


def once(key):
    with LOCK:
        if key in ONCE:
            return False
        ONCE.add(key)
        return True


def plan(model, body):
    """What to answer: ('error', code, body) or ('stream', [(delay, chunk|raw|None)], end)."""
    contents = body.get("contents", [])
    name, args, step = directive(contents)
    p = approx_tokens(body)
    rid = f"r{int(time.time()*1000)%10**9}"

    def text(t="Hello from the fake model.", u=None, finish="STOP"):
        u = u or usage(p, approx_tokens(t))
        n = max(1, len(t) // 3)
        pieces = [t[:n], t[n:2 * n], t[2 * n:]]
        out = [(0, chunk([{"text": x}], model, None, usage(u["promptTokenCount"], 0), rid)) for x in pieces[:-1]]
        out.append((0, chunk([{"text": pieces[-1]}], model, finish, u, rid)))
        return ("stream", out, "end")

    def call(calls, u=None):
        u = u or usage(p, 12)
        return ("stream", [(0, chunk(calls, model, "STOP", u, rid))], "end")

    if name == "text":
        return text()
    if name == "usage":
        n = [int(a) for a in args] + [0] * 4
        return text(u=usage(*n[:4]))
    if name == "echo":
        roles = [c.get("role") for c in contents]
        users = [parts_text(c) for c in contents if c.get("role") == "user"]
        dirs = [m.group(0) for u_ in users for m in DIRECTIVE.finditer(u_)]
        return text(f"contents={len(contents)} user={roles.count('user')} model={roles.count('model')} directives={dirs}")
    if name == "tools":
        us = [usage(1000, 10, 0, 5), usage(1100, 20, 900, 6), usage(1200, 30, 1000, 7)]
        if step == 0:
            return call([fc("read_file", {"file_path": "hello.txt"})], us[0])
        if step == 1:
            return call([fc("run_shell_command", {"command": "echo shell-says-hi", "description": "say hi"})], us[1])
        return text("Both tools ran.", us[2])
    if name == "read":
        return call([fc("read_file", {"file_path": args[0] if args else "hello.txt"})]) if step == 0 else text("Read it.")
    if name == "shell":
        cmd = (" ".join(args) if args else "echo_hi").replace("_", " ")
        return call([fc("run_shell_command", {"command": cmd, "description": "run"})]) if step == 0 else text("Ran it.")
    if name == "write":
        return call([fc("write_file", {"file_path": args[0] if args else "out.txt", "content": "written\n"})]) if step == 0 else text("Wrote it.")
    if name == "par":
        return call([fc("read_file", {"file_path": "hello.txt"}), fc("list_directory", {"dir_path": "."})]) if step == 0 else text("Both at once.")
    if name == "loop":
        return call([fc("read_file", {"file_path": "hello.txt"})])
    m = re.fullmatch(r"(429|500|503|400|403)(day|-once)?", name)
    if m:
        code = int(m.group(1))
        if m.group(2) == "-once" and not once(json.dumps([name, args, parts_text(contents[-1])])):
            return text("Recovered after an error.")
        return ("error", code, error_body(code, (args[0] if args else "2") + "s", m.group(2)))
    if name == "toolthen":
        if step == 0:
            return call([fc("read_file", {"file_path": "hello.txt"})], usage(1000, 10, 0, 5))
        code = int(args[0])
        return ("error", code, error_body(code, "2s", "day" if code == 429 else None))
    if name == "hang0":
        return ("hang0",)
    if name == "hang":
        return ("stream", [(0, chunk([{"text": "partial answer "}], model, None, usage(p, 3), rid))], "hang")
    if name == "cut":
        return ("stream", [(0, chunk([{"text": "partial answer "}], model, None, usage(p, 3), rid))], "cut")
    if name == "malformed":
        return ("stream", [(0, chunk([{"text": "partial "}], model, None, usage(p, 3), rid)),
                           (0, "data: {this is not json\n\n")], "end")
    if name == "empty":
        return ("stream", [(0, chunk([{"text": ""}], model, "STOP", usage(p, 0), rid))], "end")
    if name == "thinkonly":
        return ("stream", [(0, chunk([{"text": "**Thinking**\nhmm", "thought": True}], model, "STOP", usage(p, 0, 0, 9), rid))], "end")
    if name == "maxtokens":
        return text("Cut short by the limit", usage(p, 8), "MAX_TOKENS")
    if name == "safety":
        return ("stream", [(0, chunk([], model, "SAFETY", usage(p, 0), rid))], "end")
    if name == "nofinish":
        return ("stream", [(0, chunk([{"text": "no finish reason"}], model, None, usage(p, 3), rid))], "end")
    if name == "nousage":
        return ("stream", [(0, chunk([{"text": "no usage metadata"}], model, "STOP", None, rid))], "end")
    if name == "thoughts":
        return ("stream", [(0, chunk([{"text": "**Weighing it**\nLet me think.", "thought": True}], model, None, usage(p, 0, 0, 40), rid)),
                           (0, chunk([{"text": "Thought about it."}], model, "STOP", usage(p, 5, 0, 40), rid))], "end")
    if name == "slow":
        n, d = int(args[0]) if args else 5, float(args[1]) if len(args) > 1 else 0.5
        out = [(d, chunk([{"text": f"part{i} "}], model, None, usage(p, 2 * (i + 1)), rid)) for i in range(n - 1)]
        out.append((d, chunk([{"text": "done."}], model, "STOP", usage(p, 2 * n), rid)))
        return ("stream", out, "end")
    if name == "big":
        n = int(args[0]) if args else 200000
        import random
        rnd = random.Random(n)
        t = " ".join("%x" % rnd.getrandbits(28) for _ in range(n // 8 + 1))[:n]     # no repeats: the CLI has loop detection
        return ("stream", [(0, chunk([{"text": t}], model, "STOP", usage(p, n // 4), rid))], "end")
    return text(f"unknown directive {name}")


class H(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True      # else delayed ACKs add 40 ms to every answer

    def log_message(self, *a):
        pass

    def record(self, **kw):
        kw["t"] = round(time.time() - T0, 4)
        with LOCK:
            REQUESTS.append(kw)
            if LOGF:
                LOGF.write(json.dumps(kw) + "\n")
                LOGF.flush()

    def send_json(self, code, obj, headers=()):
        data = json.dumps(obj).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        for k, v in headers:
            self.send_header(k, v)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path.startswith("/__requests"):
            return self.send_json(200, REQUESTS)
        self.record(method="GET", path=self.path)
        m = {"name": "models/gemini-2.5-flash", "displayName": "Gemini 2.5 Flash", "inputTokenLimit": 1048576,
             "outputTokenLimit": 65536, "supportedGenerationMethods": ["generateContent", "countTokens"]}
        if re.match(r"/v1(beta)?/models/?(\?|$)", self.path):
            return self.send_json(200, {"models": [m]})
        one = re.match(r"/v1(?:beta)?/models/([^:?]+)(\?|$)", self.path)
        if one and one.group(1).startswith("no-such"):
            return self.send_json(404, no_such_model(one.group(1)))
        if one:
            return self.send_json(200, m)
        return self.send_json(404, {"error": {"code": 404, "message": "not found", "status": "NOT_FOUND"}})

    def do_POST(self):
        n = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            raw = b""
            while True:
                size = int(self.rfile.readline().strip() or b"0", 16)
                if size == 0:
                    self.rfile.readline()
                    break
                raw += self.rfile.read(size)
                self.rfile.readline()
        else:
            raw = self.rfile.read(n)
        if self.path.startswith("/__reset"):
            with LOCK:
                REQUESTS.clear(); ONCE.clear()
            return self.send_json(200, {})
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            body = {}
        m = re.match(r"/(?:v1|v1beta|v1alpha)/models/([^:?]+):(\w+)", self.path)
        model, verb = (m.group(1), m.group(2)) if m else ("?", "?")
        key = self.headers.get("x-goog-api-key") or ""
        d = directive(body.get("contents", []))
        self.record(method="POST", path=self.path, model=model, verb=verb, bytes=len(raw),
                    contents=len(body.get("contents", [])), directive=d[0], step=d[2],
                    ua=self.headers.get("User-Agent", "")[:80], key=key[:8],
                    json=bool((body.get("generationConfig") or {}).get("responseJsonSchema") or
                              (body.get("generationConfig") or {}).get("responseSchema")))
        if ARGS.dump:
            with LOCK, open(ARGS.dump, "a") as f:
                f.write(json.dumps({"path": self.path, "headers": dict(self.headers), "body": body}) + "\n")
        if key == "bad-key":
            return self.send_json(400, error_body(401))
        if ARGS.latency:
            time.sleep(ARGS.latency)
        if verb == "countTokens":
            return self.send_json(200, {"totalTokens": approx_tokens(body),
                                        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": approx_tokens(body)}]})
        if verb in ("embedContent", "batchEmbedContents"):
            return self.send_json(200, {"embedding": {"values": [0.0] * 8}})
        if verb not in ("generateContent", "streamGenerateContent"):
            return self.send_json(404, {"error": {"code": 404, "message": "not found " + self.path, "status": "NOT_FOUND"}})
        if model.startswith("no-such"):
            return self.send_json(404, no_such_model(model))
        pl = plan(model, body)
        if pl[0] == "hang0":
            return self.hang()
        if pl[0] == "error":
            return self.send_json(pl[1], pl[2])
        if verb == "generateContent":
            gc = body.get("generationConfig") or {}
            txt = '{"reasoning":"fake","model_choice":"flash","complexity_reasoning":"fake","complexity_score":10}' \
                if (gc.get("responseJsonSchema") or gc.get("responseSchema") or gc.get("responseMimeType") == "application/json") \
                else "Fake summary."
            return self.send_json(200, chunk([{"text": txt}], model, "STOP", usage(approx_tokens(body), approx_tokens(txt))))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for delay, c in pl[1]:
                if delay:
                    time.sleep(delay)
                data = (c if isinstance(c, str) else "data: " + json.dumps(c) + "\r\n\r\n").encode()
                self.wfile.write(b"%x\r\n" % len(data) + data + b"\r\n")
                self.wfile.flush()
            if pl[2] == "hang":
                return self.hang()
            if pl[2] == "cut":
                self.close_connection = True
                return
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            self.record(event="client-gone", path=self.path)
            self.close_connection = True

    def hang(self):
        import select
        self.close_connection = True
        while True:
            r, _, _ = select.select([self.connection], [], [], 1.0)
            if r:
                try:
                    if not self.connection.recv(1):
                        break
                except OSError:
                    break
        self.record(event="client-gone", path=self.path)


class S(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    global ARGS, LOGF
    ap = argparse.ArgumentParser()
    ap.add_argument("--port", type=int, default=8765)
    ap.add_argument("--log")
    ap.add_argument("--dump", help="append every request body and header here")
    ap.add_argument("--latency", type=float, default=0.0)
    ap.add_argument("--until-eof", action="store_true", help="end when stdin closes")
    ARGS = ap.parse_args()
    if ARGS.log:
        LOGF = open(ARGS.log, "a")
    s = S(("127.0.0.1", ARGS.port), H)
    print(json.dumps({"listening": s.server_address[1]}), flush=True)
    if ARGS.until_eof:
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), s.shutdown()), daemon=True).start()
    s.serve_forever()


if __name__ == "__main__":
    main()
