using System.Data;
using System.Data.Common;
using Halo.Contracts.Queries;
using Halo.Data.Commands;
using Halo.Data.Reading;

namespace Halo.Data.Schema;

/// <summary>The contract's types, as <c>GetSchema</c> tells them.</summary>
static class DataTypesTable
{
    public static DataTable Make()
    {
        var table = SchemaCollections.Table(DbMetaDataCollectionNames.DataTypes,
            (DbMetaDataColumnNames.TypeName, typeof(string)), (DbMetaDataColumnNames.ProviderDbType, typeof(int)), ("DbType", typeof(int)), (DbMetaDataColumnNames.ColumnSize, typeof(long)),
            (DbMetaDataColumnNames.CreateFormat, typeof(string)), (DbMetaDataColumnNames.CreateParameters, typeof(string)), (DbMetaDataColumnNames.DataType, typeof(string)),
            (DbMetaDataColumnNames.IsAutoIncrementable, typeof(bool)), (DbMetaDataColumnNames.IsBestMatch, typeof(bool)), (DbMetaDataColumnNames.IsCaseSensitive, typeof(bool)),
            (DbMetaDataColumnNames.IsFixedLength, typeof(bool)), (DbMetaDataColumnNames.IsFixedPrecisionScale, typeof(bool)), (DbMetaDataColumnNames.IsLong, typeof(bool)),
            (DbMetaDataColumnNames.IsNullable, typeof(bool)), (DbMetaDataColumnNames.IsSearchable, typeof(bool)), (DbMetaDataColumnNames.IsSearchableWithLike, typeof(bool)),
            (DbMetaDataColumnNames.IsUnsigned, typeof(bool)), (DbMetaDataColumnNames.MaximumScale, typeof(short)), (DbMetaDataColumnNames.MinimumScale, typeof(short)),
            (DbMetaDataColumnNames.IsConcurrencyType, typeof(bool)), (DbMetaDataColumnNames.IsLiteralSupported, typeof(bool)));
        var best = new HashSet<Type>();
        foreach (var type in Enum.GetValues<SqlType>())
        {
            if (type == SqlType.Structured)
                continue;
            var net = new Field(new("", type, ""), FirstValue.None).Type;
            var (isText, isBinary) = (net == typeof(string), net == typeof(byte[]));
            var row = table.NewRow();
            row[DbMetaDataColumnNames.TypeName] = type.ToString();
            row[DbMetaDataColumnNames.ProviderDbType] = (int)type;
            row["DbType"] = (int)ParameterTypes.DbTypeOf(type);
            row[DbMetaDataColumnNames.DataType] = net.FullName;
            // What a value of the .NET type is sent as, where nothing else is said.
            row[DbMetaDataColumnNames.IsBestMatch] = type is SqlType.NVarChar or SqlType.VarBinary or SqlType.DateTime2 || !isText && !isBinary && net != typeof(DateTime) && best.Add(net);
            row[DbMetaDataColumnNames.IsCaseSensitive] = isText;
            row[DbMetaDataColumnNames.IsFixedLength] = !isText && !isBinary;
            row[DbMetaDataColumnNames.IsFixedPrecisionScale] = type is SqlType.Money or SqlType.SmallMoney;
            row[DbMetaDataColumnNames.IsLong] = type is SqlType.Text or SqlType.NText or SqlType.Image or SqlType.Xml;
            row[DbMetaDataColumnNames.IsNullable] = true;
            row[DbMetaDataColumnNames.IsSearchable] = type is not (SqlType.Image or SqlType.Xml or SqlType.Udt);
            row[DbMetaDataColumnNames.IsSearchableWithLike] = isText && type != SqlType.Xml;
            row[DbMetaDataColumnNames.IsUnsigned] = type == SqlType.TinyInt;
            row[DbMetaDataColumnNames.IsConcurrencyType] = type == SqlType.Timestamp;
            row[DbMetaDataColumnNames.IsAutoIncrementable] = type is SqlType.BigInt or SqlType.Int or SqlType.SmallInt or SqlType.TinyInt;
            row[DbMetaDataColumnNames.IsLiteralSupported] = true;
            if (type == SqlType.Decimal)
                (row[DbMetaDataColumnNames.MinimumScale], row[DbMetaDataColumnNames.MaximumScale]) = ((short)0, (short)38);
            table.Rows.Add(row);
        }
        return table;
    }
}
