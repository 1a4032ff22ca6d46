package fetch

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestPublic(t *testing.T) {
	for _, a := range []string{
		"1.1.1.1", "8.8.8.8", "140.82.121.3", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "192.0.1.1", "198.17.0.1", "198.20.0.1",
		"223.255.255.255", "168.63.129.15", "2606:4700:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "2001:200::1",
		"::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
	} {
		if !public(netip.MustParseAddr(a)) {
			t.Errorf("%s is refused", a)
		}
	}
	for _, a := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.255.255.254",
		"168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1",
		"198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254",
		"64:ff9b:1::808:808", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1",
		"2002:7f00:1::1", "2002:808:808::1", "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
		"2606:4700:4700::1111%eth0",
	} {
		if public(netip.MustParseAddr(a)) {
			t.Errorf("%s is allowed", a)
		}
	}
	if public(netip.Addr{}) {
		t.Error("no address is allowed")
	}
}

// A name that stands for this machine is refused where the connection is made: nothing arrives.
func TestPrivateIsNotDialed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	arrived := make(chan struct{}, 16)
	server := &httptest.Server{Listener: l, Config: &http.Server{ConnState: func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			arrived <- struct{}{}
		}
	}}}
	server.Start()
	defer server.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	c := Client(Options{})
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::1]"} {
		if _, err := get(t.Context(), c, "https://"+host+":"+port); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "not public") {
			t.Errorf("%s: %v", host, err)
		}
	}
	if len(arrived) != 0 {
		t.Errorf("%d connections arrived", len(arrived))
	}
	private := Client(Options{AllowPrivate: true})
	defer private.CloseIdleConnections()
	if _, err := get(t.Context(), private, "http://localhost:"+port); err != nil || len(arrived) != 1 {
		t.Errorf("with AllowPrivate: %v, %d connections", err, len(arrived))
	}
}

func TestTransport(t *testing.T) {
	if transport(false).Proxy != nil || transport(true).Proxy != nil {
		t.Error("there is a proxy, which would look names up on its own")
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	server.StartTLS()
	defer server.Close()
	tr := transport(true)
	tr.TLSClientConfig.InsecureSkipVerify = true
	if _, err := get(t.Context(), Client(Options{Transport: tr}), server.URL); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "version") {
		t.Errorf("TLS 1.1: %v", err)
	}
}
