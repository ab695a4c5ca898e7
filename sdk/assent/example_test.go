package assent_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/assent-id/assent/sdk/assent"
)

func ExampleClient_Approve() { //nolint:testableexamples // it needs a server and a person
	ctx := context.Background()
	key, err := os.ReadFile("agent.jwk")
	if err != nil {
		log.Fatal(err)
	}
	client, err := assent.NewClient(ctx, assent.Config{
		Issuer:   "https://id.example.com",
		ClientID: "agt_01m7wd3hxfe5p9m79gcy8b27kp",
		Key:      key,
		OnAsked: func(r assent.Request) {
			fmt.Printf("Asked %s, number %s\n", r.Action.Person, r.Comparison)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	approval, err := client.Approve(ctx, assent.Action{
		Person:  "alex",
		Message: "Deploy shop 2.4.1 to production",
		Details: map[string]string{"service": "shop", "version": "2.4.1"},
	})
	switch {
	case errors.Is(err, assent.ErrDenied):
		log.Fatal("they said no")
	case err != nil:
		log.Fatal(err) // expired, unreachable, invalid: all of them mean no
	}
	fmt.Printf("%s approved, deploying\n", approval.Verified.Statement.Sub)
}
