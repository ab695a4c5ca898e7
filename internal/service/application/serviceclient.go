package application

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
)

// A service client is an application that programs of an operator or a customer
// are, with nobody in front and a key of its own: of kind service, made by the
// management API or by an operator's command, with an id of ours, and
// private_key_jwt as its way in. Its keys are rotated here.

// ServiceClient reports whether an application is a service client.
func ServiceClient(a *model.Application) bool {
	s := &a.Settings
	return a.Kind == model.KindService && s.Origin == model.OriginAPI && s.AuthMethod == model.AuthPrivateKeyJWT && s.Allows(grantCredentials) &&
		madeHere(a.ID)
}

// madeHere: ids that are chosen elsewhere have no underscore (see staticID).
func madeHere(id model.ClientID) bool { return len(id) > 4 && id[:4] == "svc_" }

// NewServiceClient is what a service client is made from. Without a key of its own
// it gets one: JWK and JWKSURI exclude each other and KeyAlg.
type NewServiceClient struct {
	Name          string
	Description   string
	Scopes        []string
	Resources     []string
	TokenLifetime int    // seconds; 0: 300
	MayAsk        bool   // people, by CIBA: approval scopes come by that alone
	KeyAlg        string // ES256 or EdDSA; empty: ES256
	JWK           []byte // its public key
	JWKSURI       string // where its public keys are
	Actor         string
}

// Keyed is a service client after its keys were changed, and the key that was made
// for it: nil if it brought its own. The private half is kept nowhere.
type Keyed struct {
	Application model.Application
	Private     *jose.PrivateKey
}

// CreateServiceClient registers a service client: ErrInvalid.
func (s *Service) CreateServiceClient(ctx context.Context, site *model.Site, n NewServiceClient) (Keyed, error) {
	if n.JWKSURI != "" && (len(n.JWK) > 0 || n.KeyAlg != "") {
		return Keyed{}, fmt.Errorf("%w: its keys are at jwks_uri, or it has one here: jwk, or a key_alg to make one for", ErrInvalid)
	}
	out, st := Keyed{}, Static{Name: n.Name, Kind: model.KindService, Settings: model.ApplicationSettings{
		AuthMethod: model.AuthPrivateKeyJWT, GrantTypes: grantsOf(n.MayAsk), Description: n.Description,
		Scopes: n.Scopes, Resources: n.Resources, TokenLifetime: n.TokenLifetime, JWKSURI: n.JWKSURI}}
	if err := s.checkServiceClient(site, &st.Settings, &model.ApplicationSettings{}); err != nil {
		return Keyed{}, err
	}
	if n.JWKSURI == "" {
		public, private, err := newKey(n.JWK, n.KeyAlg)
		if err != nil {
			return Keyed{}, err
		}
		out.Private = private
		st.JWKS = slices.Concat([]byte(`{"keys":[`), public.JSON(), []byte(`]}`))
	}
	done, err := s.Put(ctx, site, Put{Static: st, Actor: n.Actor, Made: true})
	if err != nil {
		return Keyed{}, err
	}
	out.Application = done.Application
	return out, nil
}

// ReadServiceClient is a service client as it is in the database now; any other
// application is model.ErrNotFound.
func (s *Service) ReadServiceClient(ctx context.Context, site *model.Site, id model.ClientID) (model.Application, error) {
	if !madeHere(id) {
		return model.Application{}, fmt.Errorf("service client: %w", model.ErrNotFound)
	}
	a, err := s.Read(ctx, site, id)
	if err != nil {
		return model.Application{}, err
	}
	if !ServiceClient(&a) {
		return model.Application{}, fmt.Errorf("application %s is no service client: %w", id, model.ErrNotFound)
	}
	return a, nil
}

// ServiceClients are those of a realm, ordered by id.
func (s *Service) ServiceClients(ctx context.Context, site *model.Site) ([]model.Application, error) {
	all, err := s.List(ctx, site)
	return slices.DeleteFunc(all, func(a model.Application) bool { return !ServiceClient(&a) }), err
}

// newKey is the key that a client brings, or one that is made for it.
func newKey(jwk []byte, alg string) (*jose.PublicKey, *jose.PrivateKey, error) {
	if len(jwk) > 0 {
		if alg != "" {
			return nil, nil, fmt.Errorf("%w: a key_alg is for keys that are made here, and jwk brings one", ErrInvalid)
		}
		public, err := ownKey(jwk)
		return public, nil, err
	}
	if !slices.Contains([]string{"", string(jose.ES256), string(jose.EdDSA)}, alg) {
		return nil, nil, fmt.Errorf("%w: keys are made for ES256 or EdDSA", ErrInvalid)
	}
	private, err := generate(jose.Alg(cmp.Or(alg, string(jose.ES256))))
	if err != nil {
		return nil, nil, err
	}
	return private.Public(), private, nil
}

// generate makes a key whose id, a thumbprint, does not begin as a flag of a command
// line does: people give it to commands.
func generate(alg jose.Alg) (*jose.PrivateKey, error) {
	for {
		key, err := jose.Generate(alg)
		if err != nil || !strings.HasPrefix(key.Public().KID(), "-") {
			return key, err
		}
	}
}

// ownKey reads the public key that a client brings. What is wrong with it is said
// without a word of it: it may be a private one.
func ownKey(jwk []byte) (*jose.PublicKey, error) {
	public, err := jose.ParsePublic(jwk)
	if err != nil {
		if privateHalf(jwk) {
			return nil, fmt.Errorf("%w: jwk is a private key: keep it, and bring its public half, without d", ErrInvalid)
		}
		return nil, fmt.Errorf("%w: jwk is no public key for ES256, EdDSA or PS256: %w", ErrInvalid, cause(err))
	}
	if public.Alg() != jose.RS256 {
		return public, nil
	}
	// An RSA key that names no algorithm is for the one of the two that assertions
	// may be signed with.
	if public, err = public.WithAlg(jose.PS256); err != nil {
		return nil, fmt.Errorf("%w: an RSA key signs assertions with PS256", ErrInvalid)
	}
	return public, nil
}

// privateHalf: RFC 7518, Sections 6.2.2 and 6.3.2.
func privateHalf(jwk []byte) bool {
	var members map[string]json.RawMessage
	return json.Unmarshal(jwk, &members) == nil && members["d"] != nil
}

// cause keeps the class of an error and drops its words.
func cause(err error) error {
	if errors.Is(err, jose.ErrKey) {
		return jose.ErrKey
	}
	return jose.ErrMalformed
}

// PrivateJWK is a private key in one line, as people keep it in an environment
// variable, with the members that say what it is in front.
func PrivateJWK(k *jose.PrivateKey) ([]byte, error) {
	text, err := k.MarshalPrivate()
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fmt.Errorf("order the members of key %s: %w", k.KID(), err)
	}
	var line bytes.Buffer
	for _, name := range []string{"kty", "crv", "x", "y", "n", "e", "d", "alg", "kid", "use"} {
		if value, ok := members[name]; ok {
			fmt.Fprintf(&line, `,"%s":%s`, name, value)
		}
	}
	out := line.Bytes()
	out[0] = '{'
	return append(out, '}'), nil
}
