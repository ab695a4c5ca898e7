package manage

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/assent-id/assent/internal/edge/httpx"
)

// The two ways in, as the document calls them.
const (
	ownScheme   = "management"
	adminScheme = "admin"
)

// anyIssuer stands in the document where the issuer goes at which it is read.
const anyIssuer = "https://issuer.invalid"

const aboutAPI = "What operators' programs and admins do in the realms of a server. Every realm has it at its own issuer, for itself alone; at the default realm's issuer it is for all. " +
	"Call it with an access token whose audience is that issuer, as Bearer or DPoP (RFC 9449): a management application's own, or that which the application `assent-admin` got for an " +
	"admin. Refusals are problem documents (RFC 9457) with a stable `code`; none repeats what was sent. Besides those of each operation there are `method_not_allowed` (405), for a method " +
	"that an address does not take."

// description is the API before its operations. Nothing of huma's own is served:
// no schemas, no `$schema` links, no page.
func description(version string) huma.Config {
	scopes := map[string]string{}
	for s, about := range Scopes {
		scopes[string(s)] = about
	}
	token := anyIssuer + "/oauth/token"
	schemes := map[string]*huma.SecurityScheme{
		ownScheme: {Type: "oauth2", Description: "Tokens of management applications, in their own name. Each realm has the one called management; " +
			"`assent management` gives it a secret, and makes others in the default realm.",
			Flows: &huma.OAuthFlows{ClientCredentials: &huma.OAuthFlow{TokenURL: token, Scopes: scopes}}},
		adminScheme: {Type: "oauth2", Description: "Tokens of admins, which the public application assent-admin gets for them by a code with PKCE, for as long as their session lives.",
			Flows: &huma.OAuthFlows{AuthorizationCode: &huma.OAuthFlow{AuthorizationURL: anyIssuer + "/oauth/authorize", TokenURL: token, Scopes: scopes}}},
	}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "Assent management API", Version: version, Description: aboutAPI},
			Servers: []*huma.Server{{URL: anyIssuer, Description: "The issuer at which this was read."}},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				Responses: map[string]*huma.Response{}, SecuritySchemes: schemes}},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}
}

// declared is an operation as huma describes it.
func (a *API) declared(op operation) *huma.Operation {
	item := a.huma.OpenAPI().Paths[op.where()]
	return map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put,
		http.MethodPatch: item.Patch, http.MethodDelete: item.Delete}[op.method]
}

// illustrate adds what huma does not take from types: examples of the bodies, and
// what each refusal looks like.
func (a *API) illustrate(op operation) {
	declared := a.declared(op)
	if op.level != ofRealm || op.central {
		declared.Description += " Only at the issuer of the default realm."
	}
	if op.takes != nil {
		declared.RequestBody.Description = "At most " + strconv.FormatInt(op.most()-1, 10) + " bytes."
		declared.RequestBody.Extensions = map[string]any{"x-maximum-bytes": op.most() - 1}
		declared.RequestBody.Content["application/json"].Example = op.takes
	}
	good := declared.Responses[strconv.Itoa(cmp.Or(op.status, http.StatusOK))]
	good.Description = http.StatusText(cmp.Or(op.status, http.StatusOK))
	if op.method == http.MethodPost {
		good.Headers = withReplayed(good.Headers)
	}
	if op.gives != nil {
		good.Content["application/json"].Example = op.gives
	}
	for _, p := range declared.Parameters {
		if len(p.Schema.Examples) > 0 {
			p.Example = p.Schema.Examples[0]
		}
	}
	a.refuse(op, declared)
}

// withReplayed adds the header of answers that were given before.
func withReplayed(headers map[string]*huma.Param) map[string]*huma.Param {
	if headers == nil {
		headers = map[string]*huma.Param{}
	}
	headers[replayedHeader] = &huma.Param{Schema: &huma.Schema{Type: huma.TypeString},
		Description: "true where the request was answered before, and this is that answer.", Example: "true"}
	return headers
}

// A document is the description as it is served, cut where the issuer goes. It is
// written when somebody reads it.
type document func() ([][]byte, error)

// documents describes every schema and says how the document is written.
func (a *API) documents() error {
	if err := errors.Join(a.faults...); err != nil {
		return err
	}
	if err := a.describeSchemas(a.huma.OpenAPI().Components.Schemas.Map()); err != nil {
		return err
	}
	written := func(write func() ([]byte, error)) document {
		return sync.OnceValues(func() ([][]byte, error) {
			text, err := write()
			if err != nil {
				return nil, fmt.Errorf("write the OpenAPI document: %w", err)
			}
			return bytes.Split(text, []byte(anyIssuer)), nil
		})
	}
	a.json = written(func() ([]byte, error) { return json.Marshal(a.huma.OpenAPI()) })
	a.yaml = written(a.huma.OpenAPI().YAML)
	return nil
}

var notSettable = []string{"origin", "registration_token_digest", "management", "software_id", "software_version", "any_scope"}

// private members of schemas are not for this API to set or to show.
var private = map[string][]string{
	"ApplicationInput": notSettable,
	"ApplicationEdit":  notSettable,
	"Application":      {"registration_token_digest"},
}

// describe adds words for the schemas of one file: by "Schema", "Schema.member" or
// "member". Members may also have a doc tag.
func (a *API) describe(more map[string]string) { maps.Copy(a.words, more) }

// describeSchemas gives each member its words, and takes the private ones out.
func (a *API) describeSchemas(schemas map[string]*huma.Schema) error {
	for name, s := range schemas {
		whole, changes := name, ""
		if of := strings.TrimSuffix(name, patchName); of != name && schemas[of] != nil {
			whole, changes = of, "Changes (RFC 7396): what is left out stays, null takes a member away. "
		}
		for _, p := range private[whole] {
			delete(s.Properties, p)
		}
		if a.words[whole] == "" {
			return fmt.Errorf("the schema %s has no words", name)
		}
		s.Description = changes + a.words[whole]
		for p, member := range s.Properties {
			about := cmp.Or(a.words[name+"."+p], a.words[whole+"."+p], member.Description, a.words[p])
			if about == "" {
				return fmt.Errorf("the member %s of %s has no words", p, name)
			}
			member.Description = about
			if values := choices[p]; values != "" && member.Enum == nil && member.Type == "string" {
				for v := range strings.SplitSeq(values, ",") {
					member.Enum = append(member.Enum, v)
				}
			}
		}
		s.PrecomputeMessages()
	}
	return nil
}

// serve answers one form of the document to everybody, for the issuer at which it is
// read. An issuer needs no escape in either form: it is a URL without a query.
func serve(contentType string, written document) http.Handler {
	return httpx.API(func(w http.ResponseWriter, r *http.Request) error {
		pieces, err := written()
		if err != nil {
			return err
		}
		w.Header().Set("Cache-Control", "public, max-age=300")
		return httpx.WriteRaw(w, http.StatusOK, contentType, bytes.Join(pieces, []byte(httpx.Site(r).Issuer)))
	})
}
