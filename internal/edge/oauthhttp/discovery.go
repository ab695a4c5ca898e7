package oauthhttp

import (
	"net/http"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
)

// MetadataPaths are where the metadata are: OpenID Connect Discovery 1.0,
// Section 4, and RFC 8414, Section 3. The server maps the forms that insert the
// well-known part before the issuer's path to these.
var MetadataPaths = []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"}

// ResourcePath is where the server describes itself as a protected resource (RFC
// 9728, Section 3), under a realm's issuer; others insert it before its path.
const ResourcePath = "/.well-known/oauth-protected-resource"

// A document is good for one version of its realm.
type document struct {
	version int64
	body    []byte
}

func (e *Endpoints) discovery(w http.ResponseWriter, r *http.Request) error {
	return e.publish(w, httpx.Site(r), "", e.cfg.Engine.Metadata)
}

func (e *Endpoints) resourceMetadata(w http.ResponseWriter, r *http.Request) error {
	return e.publish(w, httpx.Site(r), ResourcePath, e.cfg.Engine.ResourceMetadata)
}

// publish writes a document of a realm, which is made once for each version of
// the realm and of each name.
func (e *Endpoints) publish(w http.ResponseWriter, site *model.Site, name string, write func(*model.Site) ([]byte, error)) error {
	key := name + " " + site.Issuer
	known, _ := e.documents.Load(key)
	doc, ok := known.(document)
	if !ok || doc.version != site.Realm.Version {
		body, err := write(site)
		if err != nil {
			return err
		}
		doc = document{site.Realm.Version, body}
		e.documents.Store(key, doc)
	}
	return writePublic(w, doc.body)
}
