package ijson
