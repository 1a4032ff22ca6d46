// Loads the Go program and puts it behind fetch: what this page asks of /auth is
// answered by the program, and everything else by the network as before. So the rest
// of the page is written as if there were a server.
"use strict";

(() => {
  const network = window.fetch.bind(window);

  let ready, stop;
  const program = new Promise((resolve) => { ready = resolve; });
  const stopped = new Promise((_, reject) => { stop = reject; });
  stopped.catch(() => {}); // whoever waits for it says so; nobody need wait

  window.fetch = async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    if (url.origin !== location.origin || !/^\/auth(\/|$)/.test(url.pathname)) return network(request);
    const answer = await Promise.race([program, stopped]);
    // A program that has died answers nothing any more, and must not be waited for.
    return Promise.race([answer(request), stopped]);
  };

  // What the program calls, and the page listens to.
  window.playground = {
    ready,
    failed: (message) => stop(new Error(message)),
    mail: () => {},
    program,
    stopped,
  };

  async function run() {
    const go = new Go();
    const { instance } = await WebAssembly.instantiateStreaming(network("page.wasm"), go.importObject);
    await go.run(instance);
    throw new Error("The Go program has ended. Reload the page to start another.");
  }
  run().catch(stop);
})();
