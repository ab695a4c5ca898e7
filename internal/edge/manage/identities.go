package manage

// Person is the input that names an identity.
type Person struct {
	Target
	Identity string `path:"identity_id" doc:"Id of the identity." example:"idn_01kagxw5z0e9y8mpp6wknfsb2r"`
}

type (
	personIn struct{ Person }
	nothing  struct{}
)

const exampleIdentity = "idn_01kagxw5z0e9y8mpp6wknfsb2r"
