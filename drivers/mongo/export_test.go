package mongo

import driver "go.mongodb.org/mongo-driver/v2/mongo"

// Collections returns those of a store, for tests that issue commands beside it.
func Collections(s *Store) (users, tokens *driver.Collection) { return s.users, s.tokens }
