"""A real Chromium, driven through chromedriver by WebDriver over HTTP; nothing but the standard library."""
import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request


def programs():
    """chromium and chromedriver, or None for what is missing."""
    return shutil.which("chromium") or shutil.which("chromium-browser"), shutil.which("chromedriver")


class Browser:
    def __init__(self, width=1400, height=1000, dark=False):
        chromium, chromedriver = programs()
        self.profile = tempfile.mkdtemp(prefix="tidemill-browser-")
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        self.driver = subprocess.Popen([chromedriver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                       text=True, env=environment)
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.base = None
        try:
            for line in self.driver.stdout:
                found = re.search(r"started successfully on port (\d+)", line)
                if found:
                    self.base = f"http://127.0.0.1:{found.group(1)}"
                    break
            if self.base is None:
                raise RuntimeError("chromedriver does not start")
            arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                         "--disable-background-networking", "--disable-component-update", "--disable-sync",
                         "--no-proxy-server", f"--window-size={width},{height}", f"--user-data-dir={self.profile}"]
            if dark:
                arguments.append("--blink-settings=preferredColorScheme=0")
            capabilities = {"browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
                            "goog:chromeOptions": {"binary": chromium, "args": arguments}}
            made = self.call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
            self.session = "/session/" + made["sessionId"]
            self.call("POST", self.session + "/timeouts", {"script": 60000, "pageLoad": 60000})
        except BaseException:
            self.driver.kill()
            self.driver.wait()
            raise

    def call(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with self.opener.open(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as problem:
            raise RuntimeError(f"{path}: {json.load(problem)['value']['message']}") from None

    def go(self, url):
        self.call("POST", self.session + "/url", {"url": url})

    def run(self, script, *arguments):
        return self.call("POST", self.session + "/execute/sync", {"script": script, "args": arguments})

    def wait_for(self, condition, *arguments):
        """Waits, inside the page and without polling it, until the JavaScript expression is true; its last value."""
        script = """
            const done = arguments[arguments.length - 1], given = [...arguments].slice(0, -1);
            const check = new Function('...args', 'return (' + given[0] + ')');
            const look = () => { const value = check(...given.slice(1)); if (value) { watch.disconnect(); done(value); } };
            const watch = new MutationObserver(look);
            watch.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
            look();"""
        return self.call("POST", self.session + "/execute/async", {"script": script, "args": [condition, *arguments]})

    def console_errors(self):
        entries = self.call("POST", self.session + "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def requests(self):
        """Every address that the page has asked for so far."""
        entries = self.call("POST", self.session + "/se/log", {"type": "performance"})
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]

    def screenshot(self, path):
        with open(path, "wb") as out:
            out.write(base64.b64decode(self.call("GET", self.session + "/screenshot")))

    def close(self):
        try:
            self.call("DELETE", self.session)
        finally:
            self.driver.kill()
            self.driver.wait()
            self.driver.stdout.close()
            shutil.rmtree(self.profile, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
