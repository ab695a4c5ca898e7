package oauth

import (
	"crypto/rand"
	"encoding/binary"
	"errors"

	"github.com/assent-id/assent/internal/model"
)

// An auth_req_id is sealed: 160 random bits, when it expires, and whether a
// person was asked at all. Only this server can read it, so a client cannot
// tell a request to a stranger from one to somebody who does not answer, and a
// poll for nobody needs no row. It is at least as hard to guess as CIBA Core 1.0,
// Section 7.3, wants.
type authReq struct {
	kind    byte
	expires model.Millis
}

const (
	authReqReal   byte = 1
	authReqNobody byte = 2

	authReqPurpose = "auth_req_id"
	authReqRandom  = 20 // bytes
	authReqSize    = 1 + 8 + authReqRandom
)

var errAuthReq = errors.New("not an auth_req_id of this client")

func (e *Engine) newAuthReq(x *exchange, kind byte) (string, error) {
	plain := make([]byte, authReqSize)
	plain[0] = kind
	binary.BigEndian.PutUint64(plain[1:], uint64(x.now.Add(x.ciba.expiry)))
	_, _ = rand.Read(plain[9:]) // never fails since Go 1.24
	return e.cfg.Keyring.SealString(authReqPurpose, plain, authReqContext(x))
}

// authReqContext binds an auth_req_id to realm and client (CIBA Core 1.0,
// Section 10.1: it must have been issued to this client).
func authReqContext(x *exchange) []byte {
	return []byte(string(x.Site.Realm.ID) + "/" + string(x.client.ID))
}

func (e *Engine) openAuthReq(x *exchange, id string) (authReq, error) {
	plain, err := e.cfg.Keyring.OpenString(authReqPurpose, id, authReqContext(x))
	if err != nil {
		return authReq{}, err
	}
	if len(plain) != authReqSize {
		return authReq{}, errAuthReq
	}
	return authReq{kind: plain[0], expires: model.Millis(binary.BigEndian.Uint64(plain[1:]))}, nil
}
