package main

import "github.com/assent-id/assent/internal/server"

// mtlsFlags are about the listener for clients with certificates (RFC 8705).
type mtlsFlags struct {
	Listen   string   `help:"Address of a second listener, for applications that authenticate with TLS client certificates." placeholder:"HOST:PORT"`
	BaseURL  string   `name:"base-url" help:"Its https origin, under another host name or port than --base-url." placeholder:"URL"`
	Cert     string   `help:"Its certificate file, where it is not that of --tls-cert." placeholder:"FILE" type:"path"`
	Key      string   `help:"Its private key." placeholder:"FILE" type:"path"`
	ClientCA []string `name:"client-ca" help:"File with authorities in PEM whose client certificates are trusted. May be repeated. Without it only self-signed certificates of registered keys work." placeholder:"FILE" type:"path"`
}

func (f mtlsFlags) config() server.MTLS {
	return server.MTLS{Listen: f.Listen, BaseURL: f.BaseURL, Cert: f.Cert, Key: f.Key, ClientCA: f.ClientCA}
}
