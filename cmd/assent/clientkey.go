package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
)

// newClientKey makes an application's key: the private JWK, and the JWK set
// that is registered.
func newClientKey() (private, jwks []byte, err error) {
	key, err := jose.Generate(jose.ES256)
	if err != nil {
		return nil, nil, err
	}
	jwks, err = json.Marshal(map[string]any{"keys": []json.RawMessage{key.Public().JSON()}})
	if err != nil {
		return nil, nil, err
	}
	private, err = key.MarshalPrivate()
	return private, jwks, err
}

// newProfile makes a key for the application to be, and takes the file for its
// profile before anything is registered. Without --new-key it does nothing.
func (c *appCreateCmd) newProfile() (private, jwks []byte, err error) {
	if c.NewKey == "" {
		return nil, nil, nil
	}
	if c.Auth != string(model.AuthPrivateKeyJWT) || c.JWKS != "" {
		return nil, nil, usage("--new-key makes the key of --auth private_key_jwt, in place of --jwks")
	}
	private, jwks, err = newClientKey()
	if err != nil {
		return nil, nil, err
	}
	return private, jwks, newSecretFile(c.NewKey, nil)
}

// newSecretFile writes a file that was not there before and that nobody else
// can read. A key that exists is never replaced.
func newSecretFile(name string, content []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if os.IsExist(err) {
		return fmt.Errorf("%s is there already, and a key is not written over", name)
	}
	if err != nil {
		return err
	}
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(name)
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
