package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
)

// realmDID names the realm by its issuer (did:web, Section 3.1): the host with
// a percent-encoded colon before its port, and a colon for each slash.
func realmDID(site *model.Site) string {
	u, err := url.Parse(site.Issuer)
	if err != nil {
		panic(err) // issuers are checked when the server starts
	}
	return "did:web:" + strings.ReplaceAll(u.Host, ":", "%3A") + strings.ReplaceAll(strings.TrimSuffix(u.EscapedPath(), "/"), "/", ":")
}

func subjectDID(site *model.Site, id model.IdentityID) string {
	return realmDID(site) + ":" + string(id)
}

// DIDPath is where the DID document of the realm is, under the issuer (did:web,
// Section 3.2): at the well-known place if its DID has no path.
func DIDPath(site *model.Site) string {
	if u, err := url.Parse(site.Issuer); err == nil && strings.Trim(u.Path, "/") == "" {
		return "/.well-known/did.json"
	}
	return "/did.json"
}

// A didDocument is a DID document (DID Core 1.0, Section 5).
type didDocument struct {
	Context            []string             `json:"@context"`
	ID                 string               `json:"id"`
	Controller         string               `json:"controller,omitempty"`
	VerificationMethod []verificationMethod `json:"verificationMethod"`
	AssertionMethod    []string             `json:"assertionMethod"`
}

type verificationMethod struct {
	ID         string          `json:"id"`
	Type       string          `json:"type"`
	Controller string          `json:"controller"`
	JWK        json.RawMessage `json:"publicKeyJwk"`
}

// RealmDocument is the DID document of the realm: it asserts with the keys that
// stand in jwks, its JWKS.
func RealmDocument(site *model.Site, jwks []byte) ([]byte, error) {
	return didJSON(realmDID(site), "", site, jwks)
}

// SubjectDocument is the DID document of an identity that has a public DID; the
// realm controls it and asserts for it. model.ErrNotFound if the realm gives
// nobody a DID, or if that identity may not do anything.
func (e *Engine) SubjectDocument(ctx context.Context, site *model.Site, id string, jwks []byte) ([]byte, error) {
	if !site.Realm.Policy.SubjectDIDs || !ids.Valid(identityPrefix, id) {
		return nil, fmt.Errorf("DID document of %q: %w", id, model.ErrNotFound)
	}
	err := e.cfg.Gate.Check(ctx, gate.Use{Site: site, Identity: model.IdentityID(id)})
	if _, refused := gate.Refused(err); refused {
		return nil, errors.Join(fmt.Errorf("DID document of %s: %w", id, model.ErrNotFound), err)
	}
	if err != nil {
		return nil, err
	}
	return didJSON(subjectDID(site, model.IdentityID(id)), realmDID(site), site, jwks)
}

func didJSON(id, controller string, site *model.Site, jwks []byte) ([]byte, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(jwks, &set); err != nil {
		return nil, fmt.Errorf("DID document of %s: %w", id, err)
	}
	doc := didDocument{Context: []string{"https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1"},
		ID: id, Controller: controller, VerificationMethod: []verificationMethod{}, AssertionMethod: []string{}}
	for _, jwk := range set.Keys {
		var key struct {
			KID string `json:"kid"`
		}
		if err := json.Unmarshal(jwk, &key); err != nil {
			return nil, fmt.Errorf("DID document of %s: %w", id, err)
		}
		method := verificationMethod{ID: realmDID(site) + "#" + key.KID, Type: "JsonWebKey", Controller: realmDID(site), JWK: jwk}
		doc.VerificationMethod = append(doc.VerificationMethod, method)
		doc.AssertionMethod = append(doc.AssertionMethod, method.ID)
	}
	out, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("encode DID document of %s: %w", id, err)
	}
	return out, nil
}
