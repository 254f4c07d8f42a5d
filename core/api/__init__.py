"""REST on Django REST framework, without serializers: msgspec structs in, structs out."""
