//! The bodies of the methods of serializers that take one kind of value and refuse every other.

macro_rules! refuse {
    ($error:ident: $($method:ident($($ty:ty),*))*) => {$(
        fn $method(self, $(_: $ty),*) -> Result<()> {
            Err($error())
        }
    )*};
}

macro_rules! refuse_compounds {
    ($error:ident) => {
        refuse! { $error:
            serialize_char(char)
            serialize_str(&str)
            serialize_none()
            serialize_unit()
            serialize_unit_struct(&'static str)
            serialize_unit_variant(&'static str, u32, &'static str)
        }

        fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<()> {
            Err($error())
        }

        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<()> {
            Err($error())
        }

        fn serialize_tuple_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Impossible<(), Error>> {
            Err($error())
        }

        fn serialize_map(self, _: Option<usize>) -> Result<Impossible<(), Error>> {
            Err($error())
        }

        fn serialize_struct(self, _: &'static str, _: usize) -> Result<Impossible<(), Error>> {
            Err($error())
        }

        fn serialize_struct_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Impossible<(), Error>> {
            Err($error())
        }
    };
}

macro_rules! refuse_tuples {
    ($error:ident) => {
        fn serialize_tuple(self, _: usize) -> Result<Impossible<(), Error>> {
            Err($error())
        }

        fn serialize_tuple_struct(
            self,
            _: &'static str,
            _: usize,
        ) -> Result<Impossible<(), Error>> {
            Err($error())
        }
    };
}

pub(super) use {refuse, refuse_compounds, refuse_tuples};
