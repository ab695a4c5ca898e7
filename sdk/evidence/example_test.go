package evidence_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/assent-id/assent/sdk/evidence"
)

// A verifier needs the evidence and the realm's public keys, nothing else.
func ExampleVerify() {
	var file struct{ Evidence, JWKS json.RawMessage }
	text, err := os.ReadFile("testdata/vectors/approved.json")
	if err != nil {
		panic(err)
	}
	if err := json.Unmarshal(text, &file); err != nil {
		panic(err)
	}

	v, err := evidence.Verify(file.Evidence, file.JWKS, evidence.Options{Issuer: "https://id.example.com"})
	var part *evidence.PartError
	if errors.As(err, &part) {
		fmt.Println("the first part that does not hold:", part.Part)
		return
	}
	fmt.Println(v.Outcome, "by", v.Statement.Sub)
	fmt.Println(v.Statement.Shown.Title)
	// Output:
	// approved by idn_01kaq7c8r5e3fbh9k2m4n6p8qa
	// Deploy v2 to production
}
