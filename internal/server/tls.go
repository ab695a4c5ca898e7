package server

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

// suites of TLS 1.2: ephemeral keys and AEAD alone (RFC 9325, Section 4.2). Those
// of TLS 1.3 are all of that kind and not for us to choose.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// tlsConfig is a server's side of TLS 1.2 and 1.3 with the certificate in two
// files. They are looked at in every handshake: certificates get renewed while
// the server runs.
func (s *Server) tlsConfig(cert, key string) (*tls.Config, error) {
	files := reloading[*tls.Certificate]{files: []string{cert, key}, log: s.cfg.Logger,
		read: func() (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(cert, key)
			return &pair, err
		}}
	if err := files.start(); err != nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: suites,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return files.get(), nil }}, nil
}

// mtlsConfig asks for a client certificate and takes any, or none: what one is
// worth is for the client that shows it (RFC 8705, Section 2). No authorities are
// named, so that clients send self-signed ones too. There is no resumption: on
// every connection the client proves that it has the key.
func (s *Server) mtlsConfig() (*tls.Config, error) {
	c, err := s.tlsConfig(s.cfg.MTLS.Cert, s.cfg.MTLS.Key)
	if err != nil {
		return nil, err
	}
	c.ClientAuth = tls.RequestClientCert
	c.SessionTicketsDisabled = true
	return c, nil
}

// readAuthorities reads the certificates in PEM files into one pool. A file with
// one that cannot be read is refused whole.
func readAuthorities(files []string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		certificates, err := parseCertificates(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, c := range certificates {
			pool.AddCert(c)
		}
	}
	return pool, nil
}

func parseCertificates(text []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("a PEM block that is no certificate but %q", block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, errors.New("no certificate in PEM")
	}
	return list, nil
}
