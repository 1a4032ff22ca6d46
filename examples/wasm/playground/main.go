// Command playground builds a page in which all of /auth runs, compiled to
// WebAssembly, and serves it on this machine; or writes it to a directory, for any
// static host. README.md says how it works and what it is not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, messages io.Writer) error {
	flags := flag.NewFlagSet("playground", flag.ContinueOnError)
	flags.SetOutput(messages)
	port := flags.Uint("port", 8081, "port on 127.0.0.1; 0 picks a free one")
	out := flags.String("out", "", "write the files to this directory, and serve nothing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("playground: what is %q? It takes flags only: see -h", flags.Arg(0))
	}
	fmt.Fprintln(messages, "compiling to WebAssembly, which takes a minute the first time")
	files, err := build(ctx)
	if err != nil {
		return err
	}
	if *out != "" {
		return files.write(*out)
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.FormatUint(uint64(*port), 10)))
	if err != nil {
		return fmt.Errorf("playground: %w: choose another -port", err)
	}
	return serve(ctx, l, files, messages)
}

// serve answers on l until ctx is done.
func serve(ctx context.Context, l net.Listener, files site, messages io.Writer) error {
	server := &http.Server{Handler: files.handler(), ReadTimeout: 5 * time.Second, WriteTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	_, port, _ := net.SplitHostPort(l.Addr().String()) // passkeys need the name, not the address
	fmt.Fprintf(messages, "open http://localhost:%s/\n", port)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return server.Close() // nothing is lost: the state is in the browsers
	}
}
