// The driver's own way to be taught a type; it calls it experimental because the interface may change between its versions.
#pragma warning disable NPG9001
using System.Text;
using Npgsql;
using Npgsql.Internal;
using Npgsql.Internal.Postgres;

namespace Halo.Link.Engines.Postgres.Values;

/// <summary>A value as PostgreSQL's own text, sent under its declared type: for what the driver's types cannot hold.</summary>
/// <remarks>As text without a type its meaning would be the server's guess: <c>@v + 1</c> an integer, <c>SELECT @v</c> a text.</remarks>
readonly record struct PostgresText(string Text)
{
    static readonly string[] Types = ["numeric", "date", "time", "timestamp", "timestamptz"];

    /// <summary>Teaches it to every connection that is opened first after this.</summary>
    public static void Teach()
    {
#pragma warning disable CS0618 // A data source of our own for each catalogue would only repeat what the driver's pools do.
        NpgsqlConnection.GlobalTypeMapper.AddTypeInfoResolverFactory(new Factory());
#pragma warning restore CS0618
    }

    sealed class Factory : PgTypeInfoResolverFactory
    {
        public override IPgTypeInfoResolver CreateResolver() => new Resolver();

        public override IPgTypeInfoResolver? CreateArrayResolver() => null;
    }

    sealed class Resolver : IPgTypeInfoResolver
    {
        static readonly TypeInfoMappingCollection Mappings = Map();

        public PgTypeInfo? GetTypeInfo(Type? type, DataTypeName? dataTypeName, PgSerializerOptions options) =>
            type == typeof(PostgresText) ? Mappings.Find(type, dataTypeName, options) : null;

        static TypeInfoMappingCollection Map()
        {
            var mappings = new TypeInfoMappingCollection();
            foreach (var type in Types)
                mappings.AddStructType<PostgresText>($"pg_catalog.{type}", static (options, mapping, _) => mapping.CreateInfo(options, new Converter(), DataFormat.Text));
            return mappings;
        }
    }

    sealed class Converter : PgStreamingConverter<PostgresText>
    {
        public override bool CanConvert(DataFormat format, out BufferRequirements bufferRequirements)
        {
            bufferRequirements = BufferRequirements.None;
            return format == DataFormat.Text;
        }

        public override Size GetSize(SizeContext context, PostgresText value, ref object? writeState) => Encoding.ASCII.GetByteCount(value.Text);

        public override void Write(PgWriter writer, PostgresText value) => writer.WriteBytes(Encoding.ASCII.GetBytes(value.Text));

        public override ValueTask WriteAsync(PgWriter writer, PostgresText value, CancellationToken cancellationToken = default) =>
            writer.WriteBytesAsync(Encoding.ASCII.GetBytes(value.Text), cancellationToken);

        public override PostgresText Read(PgReader reader) => throw new NotSupportedException("Values are read as bytes of text.");

        public override ValueTask<PostgresText> ReadAsync(PgReader reader, CancellationToken cancellationToken = default) => throw new NotSupportedException("Values are read as bytes of text.");
    }
}
