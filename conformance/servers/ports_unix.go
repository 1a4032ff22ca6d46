//go:build unix

package servers

import (
	"errors"
	"net"
)

// loopback is where all servers listen.
const loopback = "127.0.0.1"

// freePorts returns ports that are free at this moment. Another program may take one
// before the server does, so starts are tried more than once.
func freePorts(n int) ([]string, error) {
	var ports []string
	for range n {
		l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
		if err != nil {
			return nil, err
		}
		defer l.Close()
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, nil
}

// attempts is how often a start is tried with new ports.
const attempts = 3

// starter starts a server on a port and returns its URL.
type starter func(port string) (url string, err error)

// started finds a server's programs and starts it on some port.
func started(find func() (starter, error)) (url string, err error) {
	start, err := find()
	if err != nil {
		return "", err
	}
	return onFreePort(start)
}

// onFreePort starts a server on some port.
func onFreePort(start starter) (url string, err error) {
	return retry(func() (string, error) {
		ports, err := freePorts(1)
		if err != nil {
			return "", err
		}
		return start(ports[0])
	})
}

// retry tries a start until it succeeds.
func retry(start func() (string, error)) (string, error) {
	var errs []error
	for range attempts {
		url, err := start()
		if err == nil {
			return url, nil
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}
